# METADATA
# title: Docker Compose files
# custom:
#   kinds: [yaml, json]
#   needs: [services]
package keyward.compose

import rego.v1

services contains {"name": name, "service": service} if {
	not input.apiVersion
	is_object(input.services)
	some name, service in input.services
	is_object(service)
	some field in ["image", "build", "extends"]
	service[field]
}

# METADATA
# title: Privileged service
# description: A privileged container is root on its host, whatever else its settings say.
# custom:
#   id: compose-privileged
#   severity: critical
#   fix: Take out `privileged`; add the single capability or device that is needed.
#   examples:
#     bad: "{services: {a: {image: 'b:1', privileged: true}}}"
#     good: "{services: {a: {image: 'b:1', cap_add: [NET_BIND_SERVICE]}}}"
deny_privileged contains {"msg": msg, "path": ["services", entry.name, "privileged"]} if {
	some entry in services
	entry.service.privileged == true
	msg := sprintf("service %s is privileged", [entry.name])
}

# METADATA
# title: Host namespaces
# description: A service in the host's network, process or IPC namespace sees and reaches what the host does.
# custom:
#   id: compose-host-namespaces
#   severity: high
#   fix: Take out network_mode, pid and ipc `host`.
#   examples:
#     bad: "{services: {a: {image: 'b:1', network_mode: host}}}"
#     good: "{services: {a: {image: 'b:1', networks: [back]}}}"
deny_host_namespaces contains {"msg": msg, "path": ["services", entry.name, field]} if {
	some entry in services
	some field in ["network_mode", "pid", "ipc"]
	entry.service[field] == "host"
	msg := sprintf("service %s shares the host's namespaces: %s is host", [entry.name, field])
}

# METADATA
# title: Docker socket mounted
# description: Whoever reaches the Docker socket is root on the host.
# custom:
#   id: compose-docker-socket
#   severity: high
#   fix: Take the mount out, or put a proxy that allows single calls before it.
#   examples:
#     bad: "{services: {a: {image: 'b:1', volumes: ['/var/run/docker.sock:/var/run/docker.sock']}}}"
#     good: "{services: {a: {image: 'b:1', volumes: ['data:/data']}}}"
deny_docker_socket contains {"msg": msg, "path": ["services", entry.name, "volumes", i]} if {
	some entry in services
	some i, volume in entry.service.volumes
	mounts_socket(volume)
	msg := sprintf("service %s mounts the Docker socket", [entry.name])
}

mounts_socket(volume) if {
	is_string(volume)
	contains(volume, "docker.sock:")
}

mounts_socket(volume) if endswith(volume.source, "docker.sock")

# METADATA
# title: Image without a fixed tag
# description: An image that is called latest, or nothing, is another one tomorrow.
# custom:
#   id: compose-image-tag
#   severity: low
#   fix: Name a version, or better a digest.
#   examples:
#     bad: "{services: {a: {image: 'b:latest'}}}"
#     good: "{services: {a: {image: 'b:1.2'}}}"
warn_image_tag contains {"msg": msg, "path": ["services", entry.name, "image"]} if {
	some entry in services
	image := entry.service.image
	not contains(image, "$")
	not contains(image, "@sha256:")
	name := regex.replace(image, "^.*/", "")
	floating(name)
	msg := sprintf("service %s uses %s, which is another image tomorrow", [entry.name, image])
}

floating(name) if not contains(name, ":")

floating(name) if endswith(name, ":latest")

# METADATA
# title: Secret in an environment value
# description: A value written into the file is there for everybody who reads it, and for every process's environment.
# custom:
#   id: compose-secret-in-env
#   severity: high
#   fix: Use `secrets`, or take the value from the environment with "${NAME}".
#   examples:
#     bad: "{services: {a: {image: 'b:1', environment: {DB_PASSWORD: written here}}, c: {image: 'b:1', environment: ['DB_PASSWORD=x']}}}"
#     good: "{services: {a: {image: 'b:1', environment: {DB_PASSWORD: '${DB_PASSWORD}', DB_PASSWORD_FILE: /run/secrets/db}}, c: {image: 'b:1', environment: [DB_PASSWORD]}}}"
deny_secret_in_env contains {"msg": msg, "path": ["services", entry.name, "environment", name]} if {
	some entry in services
	is_object(entry.service.environment)
	some name, value in entry.service.environment
	secret_name(name)
	written(value)
	msg := sprintf("service %s has the value of %s written out", [entry.name, name])
}

deny_secret_in_env contains {"msg": msg, "path": ["services", entry.name, "environment", i]} if {
	some entry in services
	is_array(entry.service.environment)
	some i, word in entry.service.environment
	is_string(word)
	contains(word, "=")
	name := split(word, "=")[0]
	secret_name(name)
	written(trim_prefix(word, sprintf("%s=", [name])))
	msg := sprintf("service %s has the value of %s written out", [entry.name, name])
}

secret_name(name) if regex.match(`(?i)(^|_)(password|passwd|secret|token|api_?key|private_?key|access_?key)$`, name)

written(value) if {
	is_string(value)
	value != ""
	not contains(value, "$")
}
