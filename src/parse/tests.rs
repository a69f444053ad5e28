use serde_json::{Value as Json, json};

use super::*;
use crate::model::lines::Lines;

fn all(kind: Kind, text: &str) -> Vec<Json> {
    parse(kind, text.as_bytes()).unwrap().iter().map(Json::from).collect()
}

fn one(kind: Kind, text: &str) -> Json {
    let mut all = all(kind, text);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn refused(kind: Kind, bytes: &[u8]) -> String {
    parse(kind, bytes).unwrap_err().located(bytes)
}

/// What stands at a path, and the text it was read from.
fn source(kind: Kind, text: &str, path: &str) -> String {
    let documents = parse(kind, text.as_bytes()).unwrap();
    let span = documents.iter().find_map(|node| node.at(&read_path(path))).unwrap().span;
    String::from_utf8_lossy(span.of(text.as_bytes())).into_owned()
}

#[test]
fn yaml_has_documents_anchors_tags_and_merges() {
    let text = "# only a comment\n---\na: &x {k: 1, l: [~, true, 1.5, 0x10]}\nb: *x\nc: !Ref name\nd: {<<: *x, k: 2}\n\
                e: !!str 12\nf: |\n  two\n  lines\n---\n- 1\n- 2\n---\n";
    let x = json!({"k": 1, "l": [null, true, 1.5, 16]});
    let d = json!({"k": 2, "l": [null, true, 1.5, 16]});
    let first = json!({"a": x, "b": x, "c": "name", "d": d, "e": "12", "f": "two\nlines\n"});
    assert_eq!(all(Kind::Yaml, text), [first, json!(1), json!(2)]);
}

#[test]
fn words_of_a_kubernetes_object_mean_what_kubectl_takes_them_for() {
    let words = "a: on\nb: no\nc: 0777\nd: 1_000\ne: 'yes'\nf: 1:30\ng: 0o17\nh: y\ni: 08\n";
    let kubernetes = one(Kind::Yaml, &format!("apiVersion: v1\nkind: Pod\n{words}"));
    let picked = |json: &Json| "abcdefghi".chars().map(|key| json[key.to_string()].clone()).collect::<Vec<_>>();
    let expected = json!([true, false, 511, 1000, "yes", "1:30", 15, true, 8]);
    assert_eq!(Json::from(picked(&kubernetes)), expected);
    let plain = one(Kind::Yaml, words);
    assert_eq!(Json::from(picked(&plain)), json!(["on", "no", 777, "1_000", "yes", "1:30", 15, "y", 8]));
}

#[test]
fn every_node_knows_the_bytes_it_was_read_from() {
    let text =
        "é: ü\nspec:\n  containers:\n    - name: app\n      securityContext:\n        privileged: true\n  x: 1\n";
    assert_eq!(source(Kind::Yaml, text, "spec.containers[0].securityContext.privileged"), "true");
    let container = source(Kind::Yaml, text, "spec.containers[0]");
    assert_eq!(container, "name: app\n      securityContext:\n        privileged: true");
    assert_eq!(source(Kind::Json, "{\"a\": [1, {\"b\": \"c\"}]} // end", "a[1].b"), "\"c\"");
    assert_eq!(source(Kind::Toml, "[a]\nb = [1, 'x']\n", "a.b[1]"), "'x'");
    assert_eq!(source(Kind::Hcl, "resource \"x\" \"y\" {\n  z = [1, \"w\"]\n}\n", "resource.x.y[0].z[1]"), "\"w\"");
    assert_eq!(source(Kind::Ini, "[a]\n b = c \n", "a.b"), "c");
    assert_eq!(source(Kind::Dotenv, "export A = \"b c\" # d\n", "A"), "\"b c\"");
    assert_eq!(source(Kind::Xml, "<a b=\"1\"><c>d</c></a>", "a.c"), "<c>d</c>");
    let with_mark = [b"\xef\xbb\xbf", "a: 1\nb: x".as_bytes()].concat();
    let nodes = parse(Kind::Yaml, &with_mark).unwrap();
    assert_eq!(nodes[0].get("b").unwrap().span.of(&with_mark), b"x");
    let lines = Lines::new(&with_mark, 3);
    assert_eq!(lines.positions(&with_mark, &[nodes[0].get("b").unwrap().span.start])[0].line, 2);
}

#[test]
fn hcl_has_conftests_shape() {
    let text = "locals { a = 1 }\nresource \"aws_s3_bucket\" \"b\" {\n  acl = \"public-read\"\n  n = -3\n  rule { x = var.y }\n  \
                rule { x = \"a-${var.z}\" }\n  tags = { owner = \"me\", \"k.l\" = f(1) }\n  t = <<-E\n    hi ${var.q}\n    E\n}\n\
                resource \"aws_s3_bucket\" \"c\" {}\n";
    let bucket = json!({
        "acl": "public-read", "n": -3, "rule": [{"x": "${var.y}"}, {"x": "a-${var.z}"}],
        "tags": {"owner": "me", "k.l": "${f(1)}"}, "t": "hi ${var.q}\n",
    });
    let expected = json!({"locals": [{"a": 1}], "resource": {"aws_s3_bucket": {"b": [bucket], "c": [{}]}}});
    assert_eq!(one(Kind::Hcl, text), expected);
}

#[test]
fn dockerfiles_have_conftests_shape() {
    let text = "# escape=\\\nARG V=1\nFROM --platform=linux/amd64 alpine:3.19 AS build\nENV A=b \"C\"=\"d e\"\nRUN apk add \\\n  # why\n  \
                curl\nRUN <<EOF\necho FROM x\nEOF\nCOPY --from=build [\"a b\", \"/c\"]\nFROM scratch\nONBUILD USER root\n";
    let json = all(Kind::Dockerfile, text);
    let list = json[0].as_array().unwrap();
    let short =
        |n: usize| json!([list[n]["Cmd"], list[n]["Value"], list[n]["Stage"], list[n]["JSON"], list[n]["Flags"]]);
    assert_eq!(short(1), json!(["from", ["alpine:3.19", "AS", "build"], 0, false, ["--platform=linux/amd64"]]));
    assert_eq!(short(2), json!(["env", ["A", "b", "=", "\"C\"", "\"d e\"", "="], 0, false, []]));
    assert_eq!(list[3]["Cmd"], "run");
    assert!(list[3]["Value"][0].as_str().unwrap().starts_with("apk add") && list.len() == 8, "{list:?}");
    assert!(list[4]["Value"][0].as_str().unwrap().contains("echo FROM x"));
    assert_eq!(short(5), json!(["copy", ["a b", "/c"], 0, true, ["--from=build"]]));
    assert_eq!(short(6), json!(["from", ["scratch"], 1, false, []]));
    assert_eq!(json!([list[7]["SubCmd"], list[7]["Value"]]), json!(["user", ["root"]]));
}

#[test]
fn line_formats_and_xml_have_conftests_shapes() {
    assert_eq!(
        one(Kind::Dotenv, "# c\nA=1\nexport B='x y'\nC=\"a\\nb\" # c\nD=e #f\n"),
        json!({"A": "1", "B": "x y", "C": "a\nb", "D": "e"})
    );
    assert_eq!(one(Kind::Ini, "top = 1\n[s]\na=true\nb = \"q\"\n;c\n"), json!({"top": 1, "s": {"a": true, "b": "q"}}));
    assert_eq!(one(Kind::Properties, "a.b=c\nd: e \\\n   f\n#x\ng\n"), json!({"a.b": "c", "d": "e f", "g": ""}));
    let xml = one(Kind::Xml, "<?xml version=\"1.0\"?><p a=\"1\">t<d>x</d><d>y</d><e/></p>");
    assert_eq!(xml, json!({"p": {"-a": "1", "d": ["x", "y"], "e": "", "#content": "t"}}));
    assert_eq!(one(Kind::Toml, "a = 2026-01-01\n[b]\nc = 0x10\n"), json!({"a": "2026-01-01", "b": {"c": 16}}));
    assert_eq!(all(Kind::Json, "[{\"a\":1,},{}]/* c */"), [json!({"a": 1}), json!({})]);
}

#[test]
fn owners_are_those_of_the_last_pattern_that_matches() {
    let owners = Owners::read(b"* @all\n/docs/ @writers # why\n*.tf @infra @ops\n/docs/secret\n");
    let of = |path: &str| owners.of(&crate::model::BytePath::new(path)).join(" ");
    assert_eq!(of("a/b.rs"), "@all");
    assert_eq!(of("docs/a.md"), "@writers");
    assert_eq!(of("x/main.tf"), "@infra @ops");
    assert_eq!(of("docs/secret"), "");
    assert_eq!(owners.names().count(), 4);
}

#[test]
fn broken_text_is_an_error_at_its_place() {
    assert!(
        refused(Kind::Yaml, b"a: 1\nb: [1,\nc: 2\n").starts_with("line "),
        "{}",
        refused(Kind::Yaml, b"a: [1,\nc: 2\n")
    );
    let tabs = refused(Kind::Yaml, b"a:\n  b: 1\n\tc: 2\n");
    assert!(tabs.starts_with("line 3") && tabs.contains("tab"), "{tabs}");
    assert_eq!(refused(Kind::Yaml, b"a: 1\nb: {c: 1, c: 2}\n"), "line 2, column 11: the key \"c\" is there twice");
    assert_eq!(refused(Kind::Json, b"{\"a\": 1,\n \"a\": 2}"), "line 2, column 2: the key \"a\" is there twice");
    assert!(refused(Kind::Json, b"{\"a\": tru}").starts_with("line 1, column 7: "));
    assert!(refused(Kind::Json, b"").contains("no value"));
    assert_eq!(refused(Kind::Yaml, b"a: 1\nb: caf\xe9\n"), "line 2, column 7: not UTF-8 text");
    assert!(refused(Kind::Toml, b"a = 1\na = 2\n").starts_with("line 2, column 1: "));
    assert!(
        refused(Kind::Hcl, b"a = 1\nb = = 2\n").starts_with("line 2, "),
        "{}",
        refused(Kind::Hcl, b"a = 1\nb = = 2\n")
    );
    assert!(refused(Kind::Dockerfile, b"FROM a\nHELLO b\n").starts_with("line 2, column 1: \"HELLO\""));
    assert!(refused(Kind::Dotenv, b"A=1\nwhat\n").starts_with("line 2, "));
    assert!(refused(Kind::Ini, b"[a]\n[b\n").starts_with("line 2, "));
    assert!(refused(Kind::Xml, b"<a>\n<b></a>").starts_with("line 2, "), "{}", refused(Kind::Xml, b"<a>\n<b></a>"));
}

#[test]
fn hostile_text_is_refused_in_bounded_time() {
    let begun = std::time::Instant::now();
    let large = "a: b\n".repeat(10 << 20);
    assert!(refused(Kind::Yaml, large.as_bytes()).contains("larger than 8 MiB"));
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..12 {
        bomb.push_str(&format!("a{n}: &a{n} [{}]\n", vec![format!("*a{}", n - 1); 10].join(", ")));
    }
    assert!(refused(Kind::Yaml, bomb.as_bytes()).contains("aliases expanded"));
    let anchors: String = (0..3000).map(|n| format!("&a{n} [")).collect();
    refused(Kind::Yaml, anchors.as_bytes());
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(50_000), close.repeat(50_000));
        assert!(refused(Kind::Json, deep.as_bytes()).to_lowercase().contains("nest"));
        refused(Kind::Yaml, deep.as_bytes());
        refused(Kind::Toml, format!("a = {deep}").as_bytes());
        refused(Kind::Hcl, format!("a = {deep}").as_bytes());
    }
    let indents: String = (0..400).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    assert!(refused(Kind::Yaml, indents.as_bytes()).contains("nested deeper"));
    refused(Kind::Hcl, format!("a = {}1", "!".repeat(400_000)).as_bytes());
    refused(Kind::Hcl, format!("a = {}1", "(".repeat(100_000)).as_bytes());
    refused(Kind::Hcl, format!("a = {}1", "x ? y : ".repeat(100_000)).as_bytes());
    refused(Kind::Xml, "<a>".repeat(100_000).as_bytes());
    let entities = "<!DOCTYPE a [<!ENTITY a0 \"x\">".to_owned()
        + &(1..20).map(|n| format!("<!ENTITY a{n} \"{}\">", format!("&a{};", n - 1).repeat(10))).collect::<String>()
        + "]><a>&a19;</a>";
    refused(Kind::Xml, entities.as_bytes());
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}

#[test]
fn many_keys_cost_no_more_than_their_number() {
    let begun = std::time::Instant::now();
    let n = 60_000;
    let lines = |line: &dyn Fn(usize) -> String| (0..n).map(line).collect::<String>();
    parse(Kind::Hcl, lines(&|n| format!("a{n} = 1\n")).as_bytes()).unwrap();
    parse(Kind::Hcl, lines(&|n| format!("a{n} {{}}\n")).as_bytes()).unwrap();
    parse(Kind::Yaml, lines(&|n| format!("a{n}: 1\n")).as_bytes()).unwrap();
    parse(Kind::Json, format!("{{{}\"z\": 1}}", lines(&|n| format!("\"a{n}\": 1,"))).as_bytes()).unwrap();
    parse(Kind::Xml, format!("<r>{}</r>", lines(&|n| format!("<a{n}/>"))).as_bytes()).unwrap();
    parse(Kind::Ini, lines(&|n| format!("a{n} = 1\n")).as_bytes()).unwrap();
    parse(Kind::Ini, lines(&|n| format!("[a{n}]\nb=1\n")).as_bytes()).unwrap();
    assert!(begun.elapsed().as_secs() < 60, "{:?}", begun.elapsed());
}

mod properties {
    use super::*;
    use proptest::prelude::*;

    const KINDS: [Kind; 10] = [
        Kind::Yaml,
        Kind::Json,
        Kind::Toml,
        Kind::Hcl,
        Kind::Dockerfile,
        Kind::Dotenv,
        Kind::Ini,
        Kind::Properties,
        Kind::Xml,
        Kind::Codeowners,
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn nothing_panics_and_places_lie_in_the_text(text in "[ -~\n\té]{0,120}", kind in 0..10_usize) {
            fn check(node: &Node, length: usize) {
                assert!(node.span.start <= node.span.end && node.span.end <= length, "{node:?}");
                node.items().iter().for_each(|item| check(item, length));
                node.entries().iter().for_each(|(_, value)| check(value, length));
            }
            match parse(KINDS[kind], text.as_bytes()) {
                Ok(nodes) => nodes.iter().for_each(|node| check(node, text.len())),
                Err(error) => prop_assert!(error.offset <= text.len()),
            }
        }

        #[test]
        fn json_reads_as_serde_does(text in r#"[\[\]{}:, "a1.e\\-]{0,40}"#) {
            if let Ok(expected) = serde_json::from_str::<Json>(&text)
                && let Ok(nodes) = read(Kind::Json, &text)
                && !expected.is_array()
            {
                prop_assert_eq!(Json::from(&nodes[0]), expected);
            }
        }
    }
}
