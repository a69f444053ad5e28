# METADATA
# title: Kubernetes objects of a whole repository
# description: What no single file can tell. Judged over all files of the tree, the index or the range's last commit.
# related_resources: ["https://kubernetes.io/docs/concepts/services-networking/network-policies/"]
# custom:
#   kinds: [together]
package keyward.kubernetes_together

import rego.v1

namespace(object) := name if {
	name := object.metadata.namespace
	is_string(name)
} else := "default"

labels(object) := object.metadata.labels if object.kind == "Pod"

else := object.spec.jobTemplate.spec.template.metadata.labels if object.kind == "CronJob"

else := object.spec.template.metadata.labels

object_name(object) := object.metadata.name

# Namespaces of which every pod is selected, or of which it cannot be told.
closed contains namespace(entry.contents) if {
	some entry in input
	entry.contents.kind == "NetworkPolicy"
	not entry.contents.spec.podSelector.matchLabels
}

# Selectors, by namespace and their first label: pods are compared with few.
selectors[key] contains wanted if {
	some entry in input
	entry.contents.kind == "NetworkPolicy"
	wanted := entry.contents.spec.podSelector.matchLabels
	is_object(wanted)
	first := min({name | some name, _ in wanted})
	key := [namespace(entry.contents), first, wanted[first]]
}

covered(object) if namespace(object) in closed

covered(object) if {
	value := labels(object)[name]
	some wanted in selectors[[namespace(object), name, value]]
	every other, given in wanted {
		labels(object)[other] == given
	}
}

# METADATA
# title: No network policy
# description: A pod that no network policy selects may be reached by every pod of the cluster, and reach whatever it likes.
# custom:
#   id: k8s-network-policy
#   severity: low
#   fix: Add a NetworkPolicy to its namespace that denies by default, and allow what is needed.
#   examples:
#     bad: "{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {app: a}}, spec: {containers: []}}\n---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: n}, spec: {podSelector: {matchLabels: {app: b}}}}"
#     good: "{apiVersion: v1, kind: Pod, metadata: {name: a, labels: {app: a}}, spec: {containers: []}}\n---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: n}, spec: {podSelector: {}}}"
warn_network_policy contains {"msg": msg, "path": [i, "contents", "kind"]} if {
	some i, entry in input
	object := entry.contents
	object.kind != "NetworkPolicy"
	not covered(object)
	msg := sprintf("no network policy in the namespace %s selects the %s %v", [namespace(object), object.kind, object_name(object)])
}
