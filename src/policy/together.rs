//! What rules about all files together hear: of each Kubernetes object as much as says what it is and what it selects.

use crate::parse::{Key, Node, Value};

/// Keys whose values such rules do not ask for, and which are most of an object.
const LEFT_OUT: &[&str] = &[
    "containers",
    "initContainers",
    "ephemeralContainers",
    "volumes",
    "volumeClaimTemplates",
    "status",
    "annotations",
];

/// Kinds that such rules speak of.
const KINDS: &[&str] = &[
    "Pod",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
    "ReplicaSet",
    "ReplicationController",
    "NetworkPolicy",
];

/// The part of a document that counts; none for a document of another kind.
pub fn together(document: &Node) -> Option<Node> {
    let kind = document.get("kind")?.as_str()?;
    document.get("apiVersion")?.as_str()?;
    KINDS.contains(&kind).then(|| slim(document))
}

/// False for a file that surely holds none of it.
pub fn may_be_together(bytes: &[u8]) -> bool {
    memchr::memmem::find(bytes, b"apiVersion").is_some()
        && KINDS.iter().any(|kind| memchr::memmem::find(bytes, kind.as_bytes()).is_some())
}

fn slim(node: &Node) -> Node {
    let value = match &node.value {
        Value::Map(entries) => {
            let kept = entries.iter().filter(|(key, _)| !LEFT_OUT.contains(&key.name.as_str()));
            Value::Map(kept.map(|(key, value)| (Key::clone(key), slim(value))).collect())
        }
        Value::List(items) => Value::List(items.iter().map(slim).collect()),
        other => other.clone(),
    };
    Node::new(value, node.span)
}
