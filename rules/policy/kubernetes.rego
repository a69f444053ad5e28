# METADATA
# title: Kubernetes workloads
# description: |
#   The Pod Security Standards, baseline (deny) and restricted (warn), over every kind that makes pods, init and
#   ephemeral containers included, and a few habits beside them.
# related_resources: ["https://kubernetes.io/docs/concepts/security/pod-security-standards/"]
# custom:
#   kinds: [yaml, json]
#   needs: [apiVersion]
package keyward.kubernetes

import rego.v1

templates := {
	"Pod": ["spec"],
	"PodTemplate": ["template", "spec"],
	"Deployment": ["spec", "template", "spec"],
	"ReplicaSet": ["spec", "template", "spec"],
	"ReplicationController": ["spec", "template", "spec"],
	"StatefulSet": ["spec", "template", "spec"],
	"DaemonSet": ["spec", "template", "spec"],
	"Job": ["spec", "template", "spec"],
	"CronJob": ["spec", "jobTemplate", "spec", "template", "spec"],
}

objects contains {"path": [], "object": input} if is_string(input.apiVersion)

objects contains {"path": ["items", i], "object": item} if {
	is_string(input.apiVersion)
	input.kind == "List"
	some i, item in input.items
}

pods contains {"path": path, "spec": spec} if {
	some entry in objects
	way := templates[entry.object.kind]
	path := array.concat(entry.path, way)
	spec := object.get(entry.object, way, null)
	is_object(spec)
}

containers contains {"path": path, "spec": container, "pod": pod.spec, "field": field, "name": name} if {
	some pod in pods
	some field in ["containers", "initContainers", "ephemeralContainers"]
	some i, container in pod.spec[field]
	path := array.concat(pod.path, [field, i])
	name := object.get(container, "name", sprintf("%s[%d]", [field, i]))
}

security(container) := object.get(container.spec, "securityContext", {})

pod_security(container) := object.get(container.pod, "securityContext", {})

# The container's own setting, or else its pod's.
effective(container, field) := value if {
	value := security(container)[field]
} else := value if {
	value := pod_security(container)[field]
}

at(base, more) := array.concat(base, more)

# METADATA
# title: Privileged container
# description: A privileged container is root on its node, whatever else its settings say.
# custom:
#   id: k8s-privileged
#   severity: critical
#   fix: Take out `privileged`; add the single capability or device that is needed.
#   examples:
#     bad: "{apiVersion: v1, kind: Pod, spec: {initContainers: [{name: a, securityContext: {privileged: true}}]}}"
#     good: "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, securityContext: {privileged: false}}]}}"
deny_privileged contains {"msg": msg, "path": at(c.path, ["securityContext", "privileged"])} if {
	some c in containers
	security(c).privileged == true
	msg := sprintf("container %s is privileged", [c.name])
}

# METADATA
# title: Host namespaces
# description: A pod in the node's network, process or IPC namespace sees and reaches what the node does.
# custom:
#   id: k8s-host-namespaces
#   severity: high
#   fix: Take out hostNetwork, hostPID and hostIPC.
#   examples:
#     bad: "{apiVersion: apps/v1, kind: DaemonSet, spec: {template: {spec: {hostPID: true, containers: []}}}}"
#     good: "{apiVersion: apps/v1, kind: DaemonSet, spec: {template: {spec: {hostPID: false, containers: []}}}}"
deny_host_namespaces contains {"msg": msg, "path": at(pod.path, [field])} if {
	some pod in pods
	some field in ["hostNetwork", "hostPID", "hostIPC"]
	pod.spec[field] == true
	msg := sprintf("the pod shares the node's namespaces: %s is true", [field])
}

# METADATA
# title: Host path volume
# description: A volume from the node's disk reaches other pods' data and the node's own files.
# custom:
#   id: k8s-host-path
#   severity: high
#   fix: Use a persistent volume claim, a config map or an emptyDir.
#   examples:
#     bad: "{apiVersion: v1, kind: Pod, spec: {containers: [], volumes: [{name: d, hostPath: {path: /}}]}}"
#     good: "{apiVersion: v1, kind: Pod, spec: {containers: [], volumes: [{name: d, emptyDir: {}}]}}"
deny_host_path contains {"msg": msg, "path": at(pod.path, ["volumes", i])} if {
	some pod in pods
	some i, volume in pod.spec.volumes
	volume.hostPath
	msg := sprintf("volume %v is a path of the node", [object.get(volume, "name", i)])
}

# METADATA
# title: Host port
# description: A port of the node is open to everything that reaches the node.
# custom:
#   id: k8s-host-port
#   severity: medium
#   fix: Use a Service instead of hostPort.
#   examples:
#     bad: "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, ports: [{containerPort: 80, hostPort: 80}]}]}}"
#     good: "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, ports: [{containerPort: 80}]}]}}"
deny_host_port contains {"msg": msg, "path": at(c.path, ["ports", i])} if {
	some c in containers
	some i, port in c.spec.ports
	object.get(port, "hostPort", 0) != 0
	msg := sprintf("container %s takes the node's port %v", [c.name, port.hostPort])
}

baseline_capabilities := {
	"AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
	"SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
}

# METADATA
# title: Added capability
# description: A capability beyond the container runtime's own set lets a process do what only root may.
# custom:
#   id: k8s-capabilities
#   severity: high
#   fix: Add no capability but NET_BIND_SERVICE, or none.
#   examples:
#     bad: "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, securityContext: {capabilities: {add: [SYS_ADMIN]}}}]}}"
#     good: "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, securityContext: {capabilities: {add: [CHOWN]}}}]}}"
deny_capabilities contains {"msg": msg, "path": at(c.path, ["securityContext", "capabilities", "add", i])} if {
	some c in containers
	some i, capability in security(c).capabilities.add
	not capability in baseline_capabilities
	msg := sprintf("container %s adds the capability %v", [c.name, capability])
}

# METADATA
# title: Windows host process
# description: A host process container runs with the node's own rights.
# custom:
#   id: k8s-host-process
#   severity: high
#   fix: Take out `hostProcess`.
#   examples:
#     bad: "{apiVersion: v1, kind: Pod, spec: {securityContext: {windowsOptions: {hostProcess: true}}, containers: [{name: a}]}}"
#     good: "{apiVersion: v1, kind: Pod, spec: {securityContext: {windowsOptions: {hostProcess: false}}, containers: [{name: a}]}}"
deny_host_process contains {"msg": msg, "path": at(pod.path, ["securityContext", "windowsOptions", "hostProcess"])} if {
	some pod in pods
	pod.spec.securityContext.windowsOptions.hostProcess == true
	msg := "the pod runs as a process of its Windows node"
}

deny_host_process contains {"msg": msg, "path": at(c.path, ["securityContext", "windowsOptions", "hostProcess"])} if {
	some c in containers
	security(c).windowsOptions.hostProcess == true
	msg := sprintf("container %s runs as a process of its Windows node", [c.name])
}

# METADATA
# title: Unmasked proc
# description: An unmasked /proc shows and changes the node's kernel settings.
# custom:
#   id: k8s-proc-mount
#   severity: high
#   fix: Take out `procMount`, or set Default.
#   examples:
#     bad: "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, securityContext: {procMount: Unmasked}}]}}"
#     good: "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, securityContext: {procMount: Default}}]}}"
deny_proc_mount contains {"msg": msg, "path": at(c.path, ["securityContext", "procMount"])} if {
	some c in containers
	mount := security(c).procMount
	mount != "Default"
	msg := sprintf("container %s sees /proc unmasked (procMount %v)", [c.name, mount])
}

# METADATA
# title: Seccomp switched off
# description: Without a seccomp profile every system call is open to the container.
# custom:
#   id: k8s-seccomp-unconfined
#   severity: high
#   fix: Set seccompProfile.type to RuntimeDefault.
#   examples:
#     bad: "{apiVersion: v1, kind: Pod, spec: {securityContext: {seccompProfile: {type: Unconfined}}, containers: [{name: a}]}}"
#     good: "{apiVersion: v1, kind: Pod, spec: {securityContext: {seccompProfile: {type: RuntimeDefault}}, containers: [{name: a}]}}"
deny_seccomp_unconfined contains {"msg": msg, "path": at(pod.path, ["securityContext", "seccompProfile", "type"])} if {
	some pod in pods
	pod.spec.securityContext.seccompProfile.type == "Unconfined"
	msg := "the pod switches seccomp off"
}

deny_seccomp_unconfined contains {"msg": msg, "path": at(c.path, ["securityContext", "seccompProfile", "type"])} if {
	some c in containers
	security(c).seccompProfile.type == "Unconfined"
	msg := sprintf("container %s switches seccomp off", [c.name])
}

safe_sysctls := {
	"kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_unprivileged_port_start",
	"net.ipv4.tcp_syncookies", "net.ipv4.ping_group_range", "net.ipv4.ip_local_reserved_ports",
	"net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl",
	"net.ipv4.tcp_keepalive_probes",
}

# METADATA
# title: Unsafe sysctl
# description: A kernel setting outside the safe set changes the node for every pod on it.
# custom:
#   id: k8s-sysctls
#   severity: high
#   fix: Take it out, or set it on the node on purpose.
#   examples:
#     bad: "{apiVersion: v1, kind: Pod, spec: {securityContext: {sysctls: [{name: kernel.msgmax, value: '1'}]}, containers: []}}"
#     good: "{apiVersion: v1, kind: Pod, spec: {securityContext: {sysctls: [{name: net.ipv4.tcp_syncookies, value: '1'}]}, containers: []}}"
deny_sysctls contains {"msg": msg, "path": at(pod.path, ["securityContext", "sysctls", i])} if {
	some pod in pods
	some i, sysctl in pod.spec.securityContext.sysctls
	not sysctl.name in safe_sysctls
	msg := sprintf("the pod sets %v, which is not among the safe sysctls", [sysctl.name])
}

# METADATA
# title: SELinux options
# description: A user or role of one's own, or a type outside the container types, escapes the container's confinement.
# custom:
#   id: k8s-selinux
#   severity: high
#   fix: Leave user and role out; use container_t, container_init_t, container_kvm_t or container_engine_t.
#   examples:
#     bad: "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, securityContext: {seLinuxOptions: {type: spc_t}}}]}}"
#     good: "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, securityContext: {seLinuxOptions: {type: container_t}}}]}}"
deny_selinux contains {"msg": msg, "path": at(holder.path, ["securityContext", "seLinuxOptions"])} if {
	some holder in (pods | containers)
	options := holder.spec.securityContext.seLinuxOptions
	some wrong in selinux_faults(options)
	msg := sprintf("SELinux %s", [wrong])
}

selinux_types := {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}

selinux_faults(options) := users | roles | types if {
	users := {"user is set" | object.get(options, "user", "") != ""}
	roles := {"role is set" | object.get(options, "role", "") != ""}
	types := {sprintf("type %v is no container type", [options.type]) | not object.get(options, "type", "") in selinux_types}
}

# METADATA
# title: AppArmor switched off
# description: Without its AppArmor profile a container reaches files and capabilities that it need not.
# custom:
#   id: k8s-apparmor
#   severity: medium
#   fix: Use RuntimeDefault or a profile of the node's.
#   examples:
#     bad: "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, securityContext: {appArmorProfile: {type: Unconfined}}}]}}"
#     good: "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, securityContext: {appArmorProfile: {type: RuntimeDefault}}}]}}"
deny_apparmor contains {"msg": msg, "path": at(holder.path, ["securityContext", "appArmorProfile", "type"])} if {
	some holder in (pods | containers)
	holder.spec.securityContext.appArmorProfile.type == "Unconfined"
	msg := "AppArmor is switched off"
}

# As it was written before the field was there.
deny_apparmor contains {"msg": msg, "path": array.concat(entry.path, array.concat(way, [name]))} if {
	some entry in objects
	to_spec := templates[entry.object.kind]
	way := array.concat(array.slice(to_spec, 0, count(to_spec) - 1), ["metadata", "annotations"])
	value := object.get(entry.object, way, {})[name]
	startswith(name, "container.apparmor.security.beta.kubernetes.io/")
	value == "unconfined"
	msg := "AppArmor is switched off"
}

# METADATA
# title: Probe or hook of another host
# description: A probe that names a host makes the node ask whatever is there, past network policies.
# custom:
#   id: k8s-probe-host
#   severity: medium
#   fix: Leave host out, so that the pod itself is asked.
#   examples:
#     bad: "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, livenessProbe: {httpGet: {host: 10.0.0.1, port: 80}}}]}}"
#     good: "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, livenessProbe: {httpGet: {path: /ok, port: 80}}}]}}"
deny_probe_host contains {"msg": msg, "path": array.concat(c.path, array.concat(way, ["host"]))} if {
	some c in containers
	some probe in [["livenessProbe"], ["readinessProbe"], ["startupProbe"], ["lifecycle", "postStart"], ["lifecycle", "preStop"]]
	some action in ["httpGet", "tcpSocket"]
	way := array.concat(probe, [action])
	host := object.get(c.spec, array.concat(way, ["host"]), "")
	host != ""
	msg := sprintf("container %s has a %s of another host", [c.name, concat(".", probe)])
}

# METADATA
# title: Privilege escalation allowed
# description: Unless it is switched off, a process may gain more rights than its parent, by a setuid file for one.
# custom:
#   id: k8s-privilege-escalation
#   severity: medium
#   fix: Set securityContext.allowPrivilegeEscalation to false.
#   examples:
#     bad: "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a}]}}"
#     good: "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, securityContext: {allowPrivilegeEscalation: false}}]}}"
warn_privilege_escalation contains {"msg": msg, "path": c.path} if {
	some c in containers
	object.get(security(c), "allowPrivilegeEscalation", true) != false
	msg := sprintf("container %s may gain more rights: allowPrivilegeEscalation is not false", [c.name])
}

# METADATA
# title: May run as root
# description: A process that is root in its container is one flaw away from being root on the node.
# custom:
#   id: k8s-run-as-non-root
#   severity: medium
#   fix: Set runAsNonRoot to true, on the pod or the container, and no runAsUser of 0.
#   examples:
#     bad: "{apiVersion: v1, kind: Pod, spec: {securityContext: {runAsNonRoot: true}, containers: [{name: a, securityContext: {runAsUser: 0}}]}}"
#     good: "{apiVersion: v1, kind: Pod, spec: {securityContext: {runAsNonRoot: true}, containers: [{name: a}]}}"
warn_run_as_non_root contains {"msg": msg, "path": c.path} if {
	some c in containers
	not effective(c, "runAsNonRoot") == true
	msg := sprintf("container %s may run as root: runAsNonRoot is not true", [c.name])
}

warn_run_as_non_root contains {"msg": msg, "path": c.path} if {
	some c in containers
	effective(c, "runAsUser") == 0
	msg := sprintf("container %s runs as root: runAsUser is 0", [c.name])
}

# METADATA
# title: No seccomp profile
# description: The restricted profile asks for a seccomp profile to be named.
# custom:
#   id: k8s-seccomp
#   severity: low
#   fix: Set seccompProfile.type to RuntimeDefault, on the pod or the container.
#   examples:
#     bad: "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a}]}}"
#     good: "{apiVersion: v1, kind: Pod, spec: {securityContext: {seccompProfile: {type: RuntimeDefault}}, containers: [{name: a}]}}"
warn_seccomp contains {"msg": msg, "path": c.path} if {
	some c in containers
	not effective(c, "seccompProfile").type
	msg := sprintf("container %s names no seccomp profile", [c.name])
}

# METADATA
# title: Capabilities not dropped
# description: The restricted profile asks for every capability to be dropped; only NET_BIND_SERVICE may come back.
# custom:
#   id: k8s-drop-capabilities
#   severity: medium
#   fix: Set securityContext.capabilities.drop to [ALL].
#   examples:
#     bad: "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, securityContext: {capabilities: {drop: [KILL]}}}]}}"
#     good: "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, securityContext: {capabilities: {drop: [ALL]}}}]}}"
warn_drop_capabilities contains {"msg": msg, "path": c.path} if {
	some c in containers
	not "ALL" in object.get(security(c), ["capabilities", "drop"], [])
	msg := sprintf("container %s does not drop all capabilities", [c.name])
}

warn_drop_capabilities contains {"msg": msg, "path": at(c.path, ["securityContext", "capabilities", "add", i])} if {
	some c in containers
	capability := security(c).capabilities.add[i]
	capability != "NET_BIND_SERVICE"
	msg := sprintf("container %s adds %v: only NET_BIND_SERVICE may come back", [c.name, capability])
}

restricted_volumes := {
	"name", "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret",
}

# METADATA
# title: Volume type
# description: The restricted profile allows only volumes that stay inside the cluster's own storage.
# custom:
#   id: k8s-volume-type
#   severity: low
#   fix: Use a persistent volume claim.
#   examples:
#     bad: "{apiVersion: v1, kind: Pod, spec: {containers: [], volumes: [{name: n, nfs: {server: a, path: /}}]}}"
#     good: "{apiVersion: v1, kind: Pod, spec: {containers: [], volumes: [{name: n, persistentVolumeClaim: {claimName: a}}]}}"
warn_volume_type contains {"msg": msg, "path": at(pod.path, ["volumes", i])} if {
	some pod in pods
	some i, volume in pod.spec.volumes
	is_object(volume)
	some type, _ in volume
	not type in restricted_volumes
	type != "hostPath"
	msg := sprintf("volume %v is of the type %s", [object.get(volume, "name", i), type])
}

# METADATA
# title: Image without a fixed tag
# description: An image that is called latest, or nothing, is another one tomorrow.
# custom:
#   id: k8s-image-tag
#   severity: medium
#   fix: Name a version, or better a digest.
#   examples:
#     bad: "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, image: 'registry:5000/app'}]}}"
#     good: "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, image: 'registry:5000/app:1.2'}]}}"
warn_image_tag contains {"msg": msg, "path": at(c.path, ["image"])} if {
	some c in containers
	image := c.spec.image
	is_string(image)
	not contains(image, "@sha256:")
	name := regex.replace(image, "^.*/", "")
	floating(name)
	msg := sprintf("container %s uses %s, which is another image tomorrow", [c.name, image])
}

floating(name) if not contains(name, ":")

floating(name) if endswith(name, ":latest")

# METADATA
# title: No resource limits
# description: A container without limits can take its node's memory and CPU from every other.
# custom:
#   id: k8s-resource-limits
#   severity: low
#   fix: Set resources.limits.memory and resources.requests.cpu.
#   examples:
#     bad: "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, resources: {requests: {cpu: 1}}}]}}"
#     good: "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, resources: {limits: {memory: 1Gi}}}]}}"
warn_resource_limits contains {"msg": msg, "path": c.path} if {
	some c in containers
	c.field == "containers"
	not c.spec.resources.limits.memory
	msg := sprintf("container %s has no memory limit", [c.name])
}

# METADATA
# title: Service account token mounted
# description: A mounted token of the default service account is there for whoever gets into the container.
# custom:
#   id: k8s-service-account-token
#   severity: low
#   fix: Set automountServiceAccountToken to false, or name the service account that is needed.
#   examples:
#     bad: "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a}]}}"
#     good: "{apiVersion: v1, kind: Pod, spec: {automountServiceAccountToken: false, containers: [{name: a}]}}"
warn_service_account_token contains {"msg": msg, "path": pod.path} if {
	some pod in pods
	count(object.get(pod.spec, "containers", [])) > 0
	object.get(pod.spec, "automountServiceAccountToken", true) != false
	object.get(pod.spec, "serviceAccountName", "default") == "default"
	msg := "the pod mounts the token of the default service account"
}

# METADATA
# title: Secret in an environment value
# description: A value written into the manifest is there for everybody who reads it, and for every process's environment.
# custom:
#   id: k8s-secret-in-env
#   severity: high
#   fix: Take it from a Secret with valueFrom.secretKeyRef.
#   examples:
#     bad: "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, env: [{name: DB_PASSWORD, value: written here}]}]}}"
#     good: "{apiVersion: v1, kind: Pod, spec: {containers: [{name: a, env: [{name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: db, key: password}}}]}]}}"
deny_secret_in_env contains {"msg": msg, "path": at(c.path, ["env", i])} if {
	some c in containers
	some i, variable in c.spec.env
	regex.match(`(?i)(^|_)(password|passwd|secret|token|api_?key|private_?key|access_?key)$`, variable.name)
	is_string(variable.value)
	variable.value != ""
	not startswith(variable.value, "$(")
	msg := sprintf("container %s has the value of %s written out", [c.name, variable.name])
}
