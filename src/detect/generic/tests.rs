//! What the grammar reads, why it does not, and what the model makes of made-up cases.

use super::facts::PATHLESS;
use super::*;
use crate::rule::pattern::{Seed, expand};

fn read_in(form: &str, anchor: &str) -> Option<(Vec<u8>, Assigned)> {
    let text = expand(form, &mut Seed::named(form)).unwrap();
    let at = memchr::memmem::find(&text.to_ascii_lowercase(), anchor.as_bytes()).unwrap();
    let found = read(&text, Span::new(at, at + anchor.len())).ok()?;
    Some((text, found))
}

fn value_in(form: &str, anchor: &str) -> Option<String> {
    let (text, found) = read_in(form, anchor)?;
    Some(String::from_utf8(found.value.of(&text).to_vec()).unwrap())
}

fn confidence_in(form: &str, anchor: &str, path: &str) -> Option<Confidence> {
    let (_, found) = read_in(form, anchor)?;
    decide(&found.facts.at(Some(&BytePath::new(path)))).confidence
}

const VALUE: &str = "Qz7[a-z]{6}[0-9][A-Z][a-z]{8}";

#[test]
fn values_are_found_in_the_forms_of_many_languages() {
    for form in [
        r#"password = "VALUE""#,
        r#"'password': 'VALUE'"#,
        r#"password := `VALUE`"#,
        r#"password=> "VALUE""#,
        r#"\\"password\\": \\"VALUE\\""#,
        r#"let password: &str = "VALUE";"#,
        r#"<password>VALUE</password>"#,
        r#"<property name="password">VALUE</property>"#,
        r#"variable "db_password" \{\n  type = string\n  default = "VALUE"\n\}"#,
        r#"\{"name": "DB_PASSWORD", "value": "VALUE"\}"#,
        r#"- name: DB_PASSWORD\n  value: VALUE"#,
        r#"process\.env\.DB_PASSWORD \|\| 'VALUE'"#,
        r#"env\['password'\] \?\? "VALUE""#,
        r#"source\.setPassword\("VALUE"\)"#,
        r#"builder\.password\("VALUE"\)"#,
        r#"--password "VALUE" --all"#,
        r#"--password VALUE --all"#,
        r#"--password=VALUE --all"#,
        r#"<add key="password" value="VALUE" />"#,
        r#"<db user="me" password="VALUE" />"#,
        r#"DB_PASSWORD=VALUE"#,
        r#"docker run -e DB_PASSWORD=VALUE -d image"#,
        r#"ENV DB_PASSWORD VALUE"#,
        r#"export DB_PASSWORD=VALUE"#,
        r#"password: str = r"VALUE""#,
        r#"password: VALUE # why"#,
        r#"password: \|\n  VALUE\n"#,
        r#"config\["password"\] = "VALUE""#,
        r#"\("password", "VALUE"\)"#,
        r#"define\('DB_PASSWORD', 'VALUE'\);"#,
        r#"\{user: me, password: VALUE\}"#,
        r#"\{user: me, password: VALUE, role: admin\}"#,
        r#"Server=db;User=me;Password=VALUE;Port=1"#,
        r#"https://acme\.io/login\?user=me&password=VALUE&x=1"#,
        r#"password = Some\("VALUE"\)"#,
        r#"password = new Secret\("VALUE"\)"#,
        r#"assert config\.password == "VALUE""#,
        r#"password =\n    "VALUE""#,
        r#"CREATE USER me WITH PASSWORD 'VALUE';"#,
        r#"authorization_password: "Basic VALUE""#,
        r#"password = NetworkCredential\("me", "VALUE"\)"#,
        r#"password = Buffer\.from\("VALUE", "hex"\)"#,
    ] {
        let form = form.replace("VALUE", VALUE);
        let value = value_in(&form, "password").unwrap_or_else(|| panic!("{form}"));
        assert!(value.starts_with("Qz7") && value.len() == 19, "{form}: {value}");
    }
}

#[test]
fn what_carries_a_secret_without_a_name_is_read_as_well() {
    for (form, anchor) in [
        ("login\\(\"me\", \"VALUE\"\\)", "login("),
        ("client\\.authenticate\\(user, 'VALUE'\\)", "authenticate("),
        ("nats\\.Connect\\(fmt\\.Sprintf\\(\"nats://me:VALUE@%s:%d\"", "://"),
        ("CREATE USER me IDENTIFIED BY 'VALUE'", "identified by"),
        ("alter user sys identified by VALUE container=all;", "identified by"),
        ("authorization: 'ApiKey VALUE'", "authorization"),
        ("get\\(url, auth=\\(\"me\", \"VALUE\"\\)\\)", "auth"),
        ("proxy_auth = \\('me', 'VALUE'\\)", "auth"),
        ("Set-Cookie: session=VALUE; Path=/; HttpOnly", "cookie"),
        ("cookie: theme=dark; app_sid=VALUE", "cookie"),
        ("headers = \\{\"Cookie\": \"a=1; JSESSIONID=VALUE; b=2\"\\}", "cookie"),
        ("curl -H 'Cookie: auth_token=VALUE' host", "cookie"),
        ("document\\.cookie=\"remember_me=VALUE\"", "cookie"),
        ("\"Apitoken\": \"\\{\\\\\"name\\\\\":\\\\\"me\\\\\",\\\\\"code\\\\\":\\\\\"VALUE\\\\\"\\}\"", "token"),
    ] {
        let form = form.replace("VALUE", VALUE);
        let value = value_in(&form, anchor).unwrap_or_else(|| panic!("{form}"));
        assert!(value.starts_with("Qz7") && value.len() == 19, "{form}: {value}");
    }
}

#[test]
fn what_only_looks_like_no_value_is_one() {
    for (form, anchor) in [
        ("TOKEN_MINIO = '[a-zA-Z0-9]{30}'", "token"),
        ("api_key_messagebird2: '[a-zA-Z0-9]{30}'", "key"),
        ("NEXT_AUTH_SECRET='[a-zA-Z0-9]{30}'", "secret"),
        ("next_auth_token='[a-zA-Z0-9]{30}'", "token"),
        ("\"vault/app\\.token\": \"[a-zA-Z0-9]{30}\"", "token"),
        ("\"spring\\.datasource\\.key\": \"[a-f0-9]{32}\"", "key"),
        ("api_pass=[a-z]{9}[0-9]{3}\n\\.fi\n", "pass"),
        ("user=me password=[a-z]{6}[0-9]{4} port=1", "password"),
        ("m1 ansible_password=[a-z]{6}[0-9]{4} ansible_user=me", "password"),
        ("basic_auth: '[a-zA-Z0-9]{30}'", "auth"),
        ("password = base64\\.b64encode\\(\"[a-zA-Z0-9]{16}\"\\)", "password"),
    ] {
        assert!(value_in(form, anchor).is_some_and(|value| value.len() >= 10), "{form}");
    }
    assert_eq!(value_in("password=[a-z]{6}[0-9]{4} is mine", "password"), None);
    assert_eq!(value_in("host=a user=gorm5 password=gorm5 port=1", "password"), None);
}

#[test]
fn a_word_without_quotes_is_a_variable_where_code_has_one() {
    let is = |form: &str| {
        let (text, found) = read_in(&form.replace("NAME", "password"), "password").unwrap_or_else(|| panic!("{form}"));
        is_variable(&text, &found)
    };
    for form in [
        "connect(me, NAME=passphrase)",
        "connect(\n    NAME=temporary_word,\n    x=1)",
        "user.NAME = passphrase;",
        "def f(secure, x):\n    NAME = secure\n",
        "secure = ask\nNAME = secure\n",
        "{\"user\": me, \"NAME\": secure_word, \"x\": 1}",
        "clientNAME: SensitiveString;",
        "clientNAME: PtolemyUUID;",
        "({passphrase, x}) => ({ user: x, NAME: passphrase })",
    ] {
        assert!(is(&escaped(form)), "{form}");
    }
    for form in [
        "NAME: hunting",
        "users = [{user: derek, NAME: derek }]",
        "username = airflow\nNAME = airflow\n",
        "pass --NAME=hunting --x",
        "(user=me, NAME=x7Kq9Zt2mW)",
        "connect(me, NAME=\"passphrase\")",
        "user=me NAME=hunting port=1",
    ] {
        assert!(!is(&escaped(form)), "{form}");
    }
}

/// `form` as a pattern that gives just that.
fn escaped(form: &str) -> String {
    form.chars().flat_map(|c| "\\()[]{}.|*+?$^".contains(c).then_some('\\').into_iter().chain([c])).collect()
}

#[test]
fn a_variable_s_name_makes_a_guess_low_in_code_alone() {
    let (_, mut found) = read_in(&format!("password = \"{VALUE}\""), "password").unwrap();
    found.facts.set_doubt(Some(Doubt::Variable));
    let at = |facts: &Facts, path: &str| decide_at(&facts.pathless(), Some(&BytePath::new(path))).confidence;
    assert_eq!(at(&found.facts, "src/a.py"), Some(Confidence::Low));
    assert_eq!(at(&found.facts, "conf/a.ini"), Some(Confidence::High));
    let (_, mut comment) = read_in(&format!("# password = \"{VALUE}\""), "password").unwrap();
    comment.facts.set_doubt(Some(Doubt::Variable));
    assert!(at(&comment.facts, "src/a.py") > Some(Confidence::Low));
}

fn said_in(form: &str, anchor: &str) -> Option<String> {
    Some(String::from_utf8(read_in(form, anchor)?.1.said?).unwrap())
}

#[test]
fn literals_that_are_put_together_are_one_value() {
    for form in [
        "password = \"Qz7abcdefg1\" \\+ \"Xhijklmno\"",
        "password = \"Qz7abcdefg1\" \\+\n    \"Xhijklmno\";",
        "password = \\(\"Qz7abcdefg1\"\n    \"Xhijklmno\"\\)",
        "password = 'Qz7' \\. 'abcdefg1' \\. 'Xhijklmno';",
        "password: 'Qz7abcdefg1' \\+ 'Xhijklmno',",
        "password = \"Qz7abcdefg1\" \\\\\n  \"Xhijklmno\"",
    ] {
        assert_eq!(said_in(form, "password").as_deref(), Some("Qz7abcdefg1Xhijklmno"), "{form}");
        let (text, found) = read_in(form, "password").unwrap();
        let span = found.value.of(&text);
        assert!(span.starts_with(b"Qz7") && span.ends_with(b"Xhijklmno"), "{form}");
    }
    for form in [
        "password = \"Qz7abcdefg1\"\n\"other\" = \"Xhijklmno\"",
        "password: \"Qz7abcdefg1\"\n\"Xhijklmno\"",
        "--password \"Qz7abcdefg1\" \"Xhijklmno\"",
        "password = \"Qz7abcdefg1\" \\+ word",
        "password = \"Qz7abcdefg1\", \"Xhijklmno\"",
    ] {
        assert_eq!(said_in(form, "password"), None, "{form}");
        assert_eq!(value_in(form, "password").as_deref(), Some("Qz7abcdefg1"), "{form}");
    }
}

#[test]
fn bytes_in_escapes_are_a_key() {
    let (text, found) = read_in("aes_key = b\"(?:\\\\x[0-9a-f][0-9a-f]){32}\"", "key").unwrap();
    assert_eq!(found.value.len(), 128);
    assert!(text.ends_with(b"\""));
    let decision = decide(&found.facts.at(Some(&BytePath::new("src/a.py"))));
    assert!(decision.confidence >= Some(Confidence::Medium), "{decision:?}");
    for form in ["key = b\"(?:\\\\x[0-9a-f][0-9a-f]){4}\"", "key = \"\\\\x1b\\[0m\""] {
        let confidence = confidence_in(form, "key", "src/a.py");
        assert!(confidence <= Some(Confidence::Low), "{form}: {confidence:?}");
    }
}

#[test]
fn what_speaks_against_a_guess_survives_without_its_path() {
    let (_, mut found) = read_in(&format!("password = \"{VALUE}\""), "password").unwrap();
    let path = BytePath::new("src/a.py");
    assert_eq!(decide_at(&found.facts.pathless(), Some(&path)).confidence, Some(Confidence::High));
    for doubt in [Doubt::Form, Doubt::Sequence, Doubt::Words] {
        found.facts.set_doubt(Some(doubt));
        let decision = decide_at(&found.facts.pathless(), Some(&path));
        assert_eq!(decision.confidence, Some(Confidence::Low), "{doubt:?}");
        assert!(decision.note().0.contains(", but "), "{doubt:?}");
    }
}

#[test]
fn a_name_ends_with_what_a_provider_claims_however_it_is_written() {
    for name in ["TELEGRAM_BOT_TOKEN", "telegramBotToken", "my.telegram-bot-token"] {
        assert!(ends_with_name(name.as_bytes(), b"telegrambottoken"), "{name}");
    }
    for name in ["bot_token", "telegram_bot_token_2", ""] {
        assert!(!ends_with_name(name.as_bytes(), b"telegrambottoken"), "{name}");
    }
}

#[test]
fn words_are_no_keys_and_random_letters_are() {
    for words in ["severity", "customer", "getAccessToken", "my-session-name", "Password", "OAuth2ApiCredential"] {
        assert!(is_words(words.as_bytes()), "{words}");
    }
    let taken = |form: &str| (0..2000).filter(|n| is_words(&expand(form, &mut Seed::new(*n)).unwrap())).count();
    assert!(taken("[A-Za-z0-9]{20}") < 4 && taken("[a-z0-9]{8}") < 40 && taken("[A-Za-z]{16}") < 60);
    assert_eq!(taken("[a-f0-9]{32}"), 0);
}

#[test]
fn openssl_s_passwords_are_a_word_of_a_command() {
    let value = |form: &str| {
        let text = expand(&form.replace("VALUE", VALUE), &mut Seed::named(form)).unwrap();
        let at = memchr::memmem::rfind(&text, b" pass").unwrap() + 1;
        read(&text, Span::new(at, at + 4)).ok().map(|found| text[found.value.start..found.value.end].to_vec())
    };
    for form in [
        "openssl rsa -in a\\.pem -passin pass:VALUE -out b\\.pem",
        "openssl req -passout pass:VALUE",
        "x -pass pass:VALUE -a",
    ] {
        assert!(value(form).is_some_and(|value| value.len() == 19), "{form}");
    }
    for form in ["openssl rsa -passin pass:\\$PASSWORD -out b", "they pass pass:VALUE on to b"] {
        assert_eq!(value(form), None, "{form}");
    }
}

#[test]
fn a_list_of_bytes_is_a_value() {
    for form in [
        "authKey := \\[\\]byte\\{1, 2, 3, 4, 5, 6, 7, 8,\n 9, 10, 11, 12\\}",
        "secret_key = bytes\\(\\[0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0xff\\]\\)",
        "private byte\\[\\] key = new byte\\[\\] \\{ 1,2,3,4,5,6,7,8,9,10,11,12 \\};",
    ] {
        let value = value_in(form, "key").unwrap_or_else(|| panic!("{form}"));
        assert!(value.starts_with(['1', '0']) && value.ends_with(['2', 'f']), "{value}");
    }
    assert_eq!(value_in("key = \\[1, 2, 3\\]", "key"), None, "too few");
    assert_eq!(value_in("key = \\[1000, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12\\]", "key"), None, "no bytes");
}

#[test]
fn what_is_no_value_is_no_candidate() {
    for (form, anchor) in [
        ("password = getPassword\\(\\)", "password"),
        ("password = os\\.environ\\['X1'\\]", "password"),
        ("password: \"the password of user 7\"", "password"),
        ("password_file = \"/run/secret1\"", "password"),
        ("password_hash = \"[a-f0-9]{64}\"", "password"),
        ("token_url = \"host1/[a-z]{20}\"", "token"),
        ("tokenizer = \"[a-z0-9]{20}\"", "token"),
        ("token_id = \"[a-z0-9]{20}\"", "token"),
        ("compass = \"[a-z0-9]{20}\"", "pass"),
        ("monkey = \"[a-z0-9]{20}\"", "key"),
        ("password = \"/etc/passwd1\"", "password"),
        ("password: string", "password"),
        ("password: self\\.password1", "password"),
        ("password = \\$PASSWORD1", "password"),
        ("password = Foo::new1", "password"),
        ("become_password: !vault", "password"),
        ("KEY: u32 = 0x1000u32;", "key"),
        ("KEY: u32 = 4096_u32;", "key"),
        ("password = \"abc1", "password"),
        ("password = \"abc\"", "password"),
        ("public_token = \"[a-z0-9]{30}\"", "token"),
        ("csrf_token = \"[a-z0-9]{30}\"", "token"),
        ("xsrfToken: '[a-z0-9]{30}'", "token"),
        ("name=\"authenticity_token\" value=\"[a-zA-Z0-9]{30}\"", "token"),
        ("credentialsId: '[a-f0-9]{32}'", "credential"),
        ("jobCredentialId = \"[A-Za-z0-9]{22}\"", "credential"),
        ("<UserSecretsId>[a-f0-9]{32}</UserSecretsId>", "secret"),
        ("secret-id: '[a-f0-9]{32}'", "secret"),
        ("primaryKey=[a-zA-Z0-9]{30}", "key"),
        ("foreign_key: \"[a-zA-Z0-9]{30}\"", "key"),
        ("key_down_event=[a-zA-Z0-9]{30}", "key"),
        ("keyVaultToStoreIn: abc1-[a-z0-9]{12}", "key"),
        ("password", "password"),
        ("The password: you1 must know it", "password"),
        ("password = \"me1@example\\.org\"", "password"),
        ("password = \"https://acme\\.io/[a-z]{9}\"", "password"),
        ("password = \"name\\(7\\)\"", "password"),
        ("password = config\\.get\\(\"[a-z0-9]{12}\"\\)", "password"),
        ("password = \"server\\.key\"", "password"),
        ("f\\('this is my passphrase', '[a-z]{4}_[a-z]{3}_[a-z]{9}_1'\\)", "passphrase"),
        ("if password\\(\"[a-zA-Z0-9]{16}\"\\)", "password"),
        ("password \\|\\| fallback7Of\\(x\\)", "password"),
        ("hmac\\('', 'test_secret'\\) => '[a-f0-9]{64}'", "secret"),
        ("the password [a-z0-9]{16} is here", "password"),
        ("\\[\"A_PASSWORD\", \"B=[a-z0-9]{16}\"\\]", "password"),
        ("https://acme\\.io:8080/a@b", "://"),
        ("login\\(user\\)", "login("),
        ("Set-Cookie: theme=[a-z0-9]{30}; Path=/", "cookie"),
        ("cookie \\{ session=[a-z0-9]{30} \\}", "cookie"),
        ("cookie: \"the cookies of user 7\"", "cookie"),
        ("mongodb://me:[a-z0-9]{12}@%2Ftmp%2Fmongodb\\.sock", "://"),
        ("keyVaultToStoreSecrets: [a-z0-9]{12}", "secret"),
        ("password = Pair\\(\"[a-z0-9]{12}\",\n  \"[a-z0-9]{12}\"\\)", "password"),
        ("openssl rsa -passin file:[a-z0-9]{12} -out b", "passin"),
        ("nextToken: '[a-zA-Z0-9]{30}'", "token"),
        ("NEXT_PAGE_TOKEN = '[a-zA-Z0-9]{30}'", "token"),
        ("\"client_request_token\": \"[a-zA-Z0-9]{30}\"", "token"),
        ("Sec-WebSocket-Key: [a-zA-Z0-9]{22}==", "key"),
        ("--recv-keys [A-F0-9]{40}", "key"),
        ("me ALL=\\(root\\) NOPASSWD:[A-Z]{6}_[A-Z]{3}", "passwd"),
        ("OAuthProviderType = \"42-[a-z]{6}\"", "oauth"),
        ("SESSION_TOKEN_PREFIX = \"[A-Za-z0-9]{17}\"", "token"),
        ("oauth_client\\.identifier == \"[a-z]{4}[0-9]{6}\"", "oauth"),
        ("&oauth_timestamp=137131201&x=1", "oauth"),
        ("passwords_schemes: '[a-z0-9]{20}'", "password"),
        ("\"src/auth/secrets\\.rs\":\"[a-f0-9]{64}\"", "secret"),
        ("\"tests/ca\\.key\":\"[a-f0-9]{64}\"", "key"),
        ("\"secrets\\.py\": \"[a-f0-9]{40}\"", "secret"),
        ("a \\? 'otherOauth' : '[a-z]{6}[0-9]{3}[a-z]{6}'", "oauth"),
        ("arn:aws:secretsmanager:\\*:\\*:secret:[a-z]{5}[0-9]{3}-x", "secret"),
        ("let password = config[0-9]{3}\n    \\.password\n", "password"),
        ("typeof this\\.password === 'function'", "password"),
        ("input\\[type=\"password\"\\]:focus1", "password"),
        ("X-Amz-Credential=[A-Z]{16}%2F20150830%2Fx%2Faws4_request&y=1", "credential"),
        ("psrp_auth=negotiate", "auth"),
        ("pass:o\\.fail:\\(\"object\"!==l", "pass"),
        ("walkTokens:null,xhtml:!1\\}", "token"),
        ("tokens = all_tokens\\.pop\\(\"[a-z]{6}[0-9]{3}\", x\\)", "token"),
        ("password = password\\.encode\\(\"latin1\"\\)", "password"),
    ] {
        assert_eq!(value_in(form, anchor), None, "{form}");
    }
}

#[test]
fn nothing_beyond_the_window_changes_what_is_read() {
    let text = expand(&format!("user = me; password = \"{VALUE}\";\n"), &mut Seed::new(1)).unwrap();
    let at = memchr::memmem::find(&text, b"password").unwrap();
    let alone = |before: &[u8], after: &[u8]| {
        let all = [before, &text, after].concat();
        let shift = before.len();
        let found = read(&all, Span::new(shift + at, shift + at + 8)).unwrap();
        (found.value.start - shift, found.facts)
    };
    let near = |byte: u8| vec![byte; BACK];
    for byte in [b'x', b'\n', b'"', b'{'] {
        let far = [&near(byte)[..], &near(b' ')].concat();
        let ahead = [&vec![b' '; AHEAD][..], &near(byte)].concat();
        assert_eq!(alone(&far, b" "), alone(&near(b' '), b" "));
        assert_eq!(alone(b" ", &ahead), alone(b" ", &vec![b' '; AHEAD]));
    }
}

#[test]
fn features_hold_no_path_and_survive_a_round_trip() {
    let (_, found) = read_in(&format!("password = \"{VALUE}\""), "password").unwrap();
    assert_eq!(found.facts.pathless().len(), PATHLESS + 1);
    let facts = Facts::from_pathless(&found.facts.pathless());
    assert_eq!(facts, found.facts);
    assert!(facts.0.iter().skip(PATHLESS).all(|fact| *fact == 0));
    let at = |path: &str| facts.at(Some(&BytePath::new(path))).0;
    assert_ne!(at("src/a.rs"), at("tests/a.rs"));
    assert_ne!(at("a.yml"), at("a.md"));
    assert_eq!(at("src/a.rs"), at("lib/b.rs"), "the path's words only");
}

/// The weights are a data file that nobody can make anew here: this pins what they say.
#[test]
fn the_model_knows_made_up_cases() {
    let high = Some(Confidence::High);
    for (form, anchor, path) in [
        ("password = \"[A-Z][a-z]{5}[0-9]{4}![a-zA-Z0-9]{6}\"\n", "password", "src/db.py"),
        ("client_secret: '[A-Za-z0-9]{12}[0-9][a-z][A-Z][A-Za-z0-9]{17}'\n", "secret", "config/app.yml"),
        ("const apiKey = '[A-Za-z0-9]{12}[0-9][A-Za-z0-9]{19}';\n", "key", "src/index.js"),
        ("DB_PASSWORD=[a-z]{5}[0-9]{2}[A-Z]{3}[a-z0-9]{8}\n", "password", ".env"),
        ("  password: '[a-z]{4}[0-9]{2}[a-z]{4}',\n", "password", "tests/client.js"),
    ] {
        assert_eq!(confidence_in(form, anchor, path), high, "{form}");
    }
    for (form, anchor, path) in [
        ("    password: password,\n", "password", "src/client.js"),
        ("  key: 'user_name',\n", "key", "src/table.js"),
        ("\"key\": \"created_at\",\n", "key", "fixtures/meta.json"),
        ("token = next_token\n", "token", "src/parse.py"),
        ("tokenType: 'access_token',\n", "token", "src/oauth.js"),
        ("secret: config-secret\n", "secret", "deploy/app.yml"),
        ("\"password\": \"Password is required\",\n", "password", "locale/en.json"),
        ("credentials: 'include',\n", "credential", "src/fetch.js"),
        ("auth = Authenticator\n", "auth", "src/a.rb"),
        ("key = value\n", "key", "README.md"),
    ] {
        let confidence = confidence_in(form, anchor, path);
        assert!(confidence <= Some(Confidence::Low), "{form}: {confidence:?}");
    }
}

#[test]
fn people_choose_words_and_those_count_too() {
    for (form, least) in [
        ("DB_PASSWORD=monkey[0-9]{4}!\n", Confidence::Medium),
        ("  password: \"Summer[0-9]{2}!\",\n", Confidence::Medium),
        ("\"password\": \"hunter[0-9]\",\n", Confidence::Medium),
        ("password = \"swordfish\"\n", Confidence::Low), // keyward:allow generic-assignment -- a word that people choose
    ] {
        let confidence = confidence_in(form, "password", "config/prod.py");
        assert!(confidence >= Some(least), "{form}: {confidence:?}");
    }
}

#[test]
fn a_salt_is_never_more_than_low() {
    for name in ["salt", "nonce"] {
        let confidence = confidence_in(&format!("\"{name}\": \"[a-f0-9]{{32}}\",\n"), name, "a.json");
        assert!(confidence <= Some(Confidence::Low), "{name} {confidence:?}");
    }
}

#[test]
fn reasons_name_what_moved_the_score() {
    let (_, found) = read_in(&format!("password = \"{VALUE}\"\n"), "password").unwrap();
    let reasons = reasons(&found.facts.pathless(), Some(&BytePath::new("src/a.py")));
    assert!(reasons.len() >= 5);
    assert!(reasons.windows(2).all(|pair| pair[0].2.abs() >= pair[1].2.abs()), "largest first");
}

#[test]
fn what_no_path_can_make_a_candidate_is_refused_without_one_and_nothing_else() {
    let mut state = 7_u32;
    let mut dice = |most: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % most
    };
    let paths =
        ["a.py", ".env", "config/prod.yml", "tests/fixtures/key.json", "README.md", "docs/x.rst", "src/main.go"];
    let (mut refused, mut kept) = (0, 0);
    for round in 0..8000 {
        let most = if round % 2 == 0 { 256 } else { 12 };
        let features: Vec<u8> = (0..PATHLESS).map(|_| dice(most) as u8).collect();
        let facts = Facts::from_pathless(&features);
        let decided = |path: Option<&BytePath>| {
            let facts = facts.at(path);
            let decision = decide(&facts).confidence.is_some();
            assert_eq!(counts(&facts), decision, "round {round}: the short way says the same");
            decision
        };
        let somewhere = decided(None) || paths.iter().any(|path| decided(Some(&BytePath::new(path))));
        assert!(may_count(&facts) || !somewhere, "round {round}");
        refused += usize::from(!may_count(&facts));
        kept += usize::from(somewhere);
    }
    assert!(refused > 100 && kept > 5, "{refused} refused, {kept} kept");
}

#[test]
fn a_look_at_the_next_sign_refuses_no_operator() {
    const PIECES: [&str; 34] = [
        " ",
        "\t",
        "\n",
        "\r\n",
        "=",
        ":",
        "\"",
        "'",
        "`",
        "]",
        ")",
        "(",
        ">",
        "<",
        ",",
        "{",
        "}",
        "|",
        "?",
        "!",
        "-",
        "->",
        "or ",
        "value",
        "Value",
        ".",
        "x",
        "ENV",
        "set",
        "-x",
        "--",
        "variable \"",
        "default = ",
        "é",
    ];
    let mut seed = Seed::new(3);
    let (mut found, mut refused) = (0, 0);
    for round in 0..200_000 {
        let mut piece = |most: u64| -> String {
            let many = seed.below(most + 1);
            (0..many).map(|_| PIECES[seed.below(PIECES.len() as u64) as usize]).collect()
        };
        let (before, name, behind) =
            (piece(3), ["password", "--token", "IDENTIFIED BY", "my.secret"][round % 4], piece(4));
        let text = format!("{before}{name}{behind}");
        if behind.bytes().next().is_some_and(name::name_byte) {
            continue; // The name would go on.
        }
        let span = Span::new(before.len(), before.len() + name.len());
        let mut at = syntax::Cursor { text: text.as_bytes(), at: span.end };
        let operator = syntax::operator(&mut at, span, span).is_some();
        let may = syntax::may_give(text.as_bytes(), span);
        assert!(may || !operator, "{text:?}");
        found += u32::from(operator);
        refused += u32::from(!may);
    }
    assert!(found > 10_000 && refused > 10_000, "{found} found, {refused} refused");
}
