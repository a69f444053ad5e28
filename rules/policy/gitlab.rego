# METADATA
# title: GitLab CI pipelines
# related_resources: ["https://docs.gitlab.com/ci/pipeline_security/"]
# custom:
#   kinds: [yaml]
#   unless: [apiVersion, jobs, on, Resources, resource, planned_values, openapi, swagger]
package keyward.gitlab

import rego.v1

# Keys at the top that are no jobs.
reserved := {"default", "include", "stages", "variables", "workflow", "image", "services", "cache", "pages", "spec"}

is_pipeline if {
	is_object(input)
	not input.apiVersion
	not input.jobs
	not input.on
	some name, job in input
	is_object(job)
	job.script
}

is_pipeline if {
	is_object(input)
	input.stages
	input.include
}

jobs contains {"name": name, "job": job} if {
	is_pipeline
	some name, job in input
	not name in reserved - {"default", "pages"}
	is_object(job)
}

list(value) := value if is_array(value)

list(value) := [value] if not is_array(value)

# Variables at the top and of jobs, as {path, name, value}.
variables contains {"path": ["variables", name], "name": name, "value": plain(value)} if {
	is_pipeline
	value := input.variables[name]
}

variables contains {"path": [entry.name, "variables", name], "name": name, "value": plain(value)} if {
	some entry in jobs
	value := entry.job.variables[name]
}

plain(value) := value.value if is_object(value)

plain(value) := value if not is_object(value)

# METADATA
# title: Secret in a variable
# description: A variable in the file is there for everybody who may read the repository, and for every job.
# custom:
#   id: gitlab-secret-variable
#   severity: high
#   fix: Set it as a masked and protected CI/CD variable, or take it from a secret store with `secrets` and `id_tokens`.
#   examples:
#     bad: "{variables: {DEPLOY_TOKEN: written here}, build: {script: [make]}}"
#     good: "{variables: {DEPLOY_USER: bot, API_TOKEN: $CI_JOB_TOKEN}, build: {script: [make]}}"
deny_secret_variable contains {"msg": msg, "path": variable.path} if {
	some variable in variables
	regex.match(`(?i)(^|_)(password|passwd|secret|token|api_?key|private_?key|access_?key)$`, variable.name)
	is_string(variable.value)
	variable.value != ""
	not contains(variable.value, "$")
	msg := sprintf("the value of %s is written out", [variable.name])
}

images contains {"path": ["image"], "image": input.image} if is_pipeline

images contains {"path": [entry.name, "image"], "image": entry.job.image} if some entry in jobs

images contains {"path": [entry.name, "services", i], "image": service} if {
	some entry in jobs
	service := entry.job.services[i]
}

images contains {"path": ["services", i], "image": service} if {
	is_pipeline
	service := input.services[i]
}

# METADATA
# title: Image without a fixed tag
# description: An image that is called latest, or nothing, is another one tomorrow, and runs with this pipeline's secrets.
# custom:
#   id: gitlab-image-tag
#   severity: medium
#   fix: Name a version, or better a digest.
#   examples:
#     bad: "{image: node, build: {script: [make]}}"
#     good: "{image: 'node:22.1', build: {script: [make], image: {name: 'registry:5000/tool:1'}}}"
warn_image_tag contains {"msg": msg, "path": entry.path} if {
	some entry in images
	image := object_name(entry.image)
	is_string(image)
	not contains(image, "$")
	not contains(image, "@sha256:")
	floating(regex.replace(image, "^.*/", ""))
	msg := sprintf("%s is another image tomorrow", [image])
}

object_name(image) := image.name if is_object(image)

object_name(image) := image if not is_object(image)

floating(name) if not contains(name, ":")

floating(name) if endswith(name, ":latest")

# METADATA
# title: Include not pinned
# description: A file of another project or address can be changed by others, and then runs with this pipeline's secrets.
# custom:
#   id: gitlab-include-unpinned
#   severity: medium
#   fix: Give a project's include a `ref` that is a commit or a tag, and a remote one an `integrity` hash.
#   examples:
#     bad: "{include: [{remote: 'https://example.com/a.yml'}], build: {script: [make]}}"
#     good: "{include: [{project: a/b, ref: v1.2, file: c.yml}, {local: d.yml}], build: {script: [make]}}"
warn_include_unpinned contains {"msg": msg, "path": path} if {
	is_pipeline
	some i, include in list(input.include)
	what := unpinned(include)
	path := include_path(i)
	msg := sprintf("the included %s is not pinned", [what])
}

include_path(i) := ["include", i] if is_array(input.include)

include_path(_) := ["include"] if not is_array(input.include)

unpinned(include) := include.remote if {
	include.remote
	not include.integrity
} else := include.project if {
	include.project
	moving(object.get(include, "ref", "HEAD"))
} else := include.component if {
	include.component
	regex.match(`@(~latest|main|master|HEAD)$`, include.component)
} else := include if {
	is_string(include)
	regex.match(`^https?://`, include)
}

moving(ref) if ref in {"HEAD", "main", "master", "develop", "trunk"}

# METADATA
# title: Script from the network
# description: What is at the address on the day of the run is executed with this pipeline's secrets, and nobody checks what it is.
# custom:
#   id: gitlab-curl-shell
#   severity: medium
#   fix: Download, verify a checksum, then run; or use an image that has the tool.
#   examples:
#     bad: "{build: {script: ['curl -sSL https://example.com/install | bash']}}"
#     good: "{build: {script: ['curl -o install https://example.com/install', 'sha256sum -c sums']}}"
deny_curl_shell contains {"msg": "the script runs what it takes from the network", "path": [entry.name, field]} if {
	some entry in jobs
	some field in ["before_script", "script", "after_script"]
	some line in list(entry.job[field])
	is_string(line)
	regex.match(`(?m)(curl|wget)\b[^\n|]*\|\s*(sudo\s+)?(ba|z|da|k)?sh\b|(ba|z|da|k)?sh\s+(-c\s+)?["']?(<\(|\$\()\s*(curl|wget)\b`, line)
}

# METADATA
# title: Secret printed
# description: Masking in logs fails as soon as a secret is encoded, split or cut.
# custom:
#   id: gitlab-secret-echo
#   severity: high
#   fix: Print nothing of it.
#   examples:
#     bad: "{build: {script: ['echo $DEPLOY_TOKEN']}}"
#     good: "{build: {script: ['echo done', 'deploy --token \"$DEPLOY_TOKEN\"']}}"
deny_secret_echo contains {"msg": "the script prints a secret", "path": [entry.name, field]} if {
	some entry in jobs
	some field in ["before_script", "script", "after_script"]
	some text in list(entry.job[field])
	is_string(text)
	some line in split(text, "\n")
	regex.match(`(?i)(^|[;&|(\s])(echo|printf)\s[^|>]*\$\{?[a-z0-9_]*(password|passwd|secret|token|api_?key|private_?key)\b`, line)
}
