# METADATA
# title: Dockerfiles
# custom:
#   kinds: [dockerfile]
package keyward.dockerfile

import rego.v1

last_stage := max({command.Stage | some command in input})

# METADATA
# title: Image runs as root
# description: Without a USER, or with root as the last one, whatever runs in the container is root there.
# custom:
#   id: dockerfile-root-user
#   severity: medium
#   fix: End the last stage with USER and a user that is not root.
#   examples:
#     bad: "FROM alpine:3.20\nUSER app\nRUN true\nUSER root\nCMD [\"a\"]\n"
#     good: "FROM alpine:3.20\nRUN adduser -D app\nUSER app\nCMD [\"a\"]\n"
deny_root_user contains {"msg": msg, "path": [i]} if {
	users := [n | some n, command in input; command.Cmd == "user"; command.Stage == last_stage]
	count(users) > 0
	i := users[count(users) - 1]
	regex.match(`^(root|0)(:|$)`, input[i].Value[0])
	msg := "the image runs as root: its last USER says so"
}

deny_root_user contains {"msg": msg, "path": [i]} if {
	users := [n | some n, command in input; command.Cmd == "user"; command.Stage == last_stage]
	count(users) == 0
	some i, command in input
	command.Cmd == "from"
	command.Stage == last_stage
	command.Value[0] != "scratch"
	not startswith(command.Value[0], "gcr.io/distroless/")
	starts_something
	msg := "the image runs as root: its last stage has no USER"
}

# A file of fragments that others build on says nothing about who runs what.
starts_something if {
	some command in input
	command.Cmd in {"cmd", "entrypoint"}
}

# METADATA
# title: ADD from the network
# description: ADD takes what is at the address on the day of the build, and nobody checks what that is.
# custom:
#   id: dockerfile-add-url
#   severity: medium
#   fix: Use ADD --checksum, or RUN with curl and a checksum.
#   examples:
#     bad: "FROM scratch\nADD https://example.com/a.tar.gz /\n"
#     good: "FROM scratch\nADD --checksum=sha256:0 https://example.com/a.tar.gz /\n"
deny_add_url contains {"msg": msg, "path": [i]} if {
	some i, command in input
	command.Cmd == "add"
	some source in command.Value
	regex.match(`^https?://`, source)
	not checked(command)
	msg := sprintf("ADD takes %s from the network unchecked", [source])
}

checked(command) if {
	some flag in command.Flags
	startswith(flag, "--checksum=")
}

# METADATA
# title: Secret in the image
# description: What ENV and ARG are given is in the image and its history for everybody who can pull it.
# custom:
#   id: dockerfile-secret
#   severity: high
#   fix: Use RUN --mount=type=secret at build time, and the environment at run time.
#   examples:
#     bad: "FROM a:1\nENV DB_PASSWORD=written-here\n"
#     good: "FROM a:1\nARG DB_PASSWORD\nENV DB_HOST=db\n"
deny_secret contains {"msg": msg, "path": [i]} if {
	some i, command in input
	command.Cmd == "env"
	some j, name in command.Value
	j % 3 == 0
	secret_name(name)
	written(command.Value[j + 1])
	msg := sprintf("ENV writes the value of %s into the image", [name])
}

deny_secret contains {"msg": msg, "path": [i]} if {
	some i, command in input
	command.Cmd == "arg"
	some word in command.Value
	[name, value] := split(word, "=")
	secret_name(name)
	written(value)
	msg := sprintf("ARG writes the value of %s into the image's history", [name])
}

secret_name(name) if regex.match(`(?i)(^|_)(password|passwd|secret|token|api_?key|private_?key|access_?key)$`, name)

written(value) if {
	plain := trim(value, "\"'")
	plain != ""
	not startswith(plain, "$")
}

# METADATA
# title: Base image not fixed
# description: A base image that is called latest, or nothing, is another one tomorrow.
# custom:
#   id: dockerfile-base-tag
#   severity: medium
#   fix: Name a version, or better a digest.
#   examples:
#     bad: "FROM registry:5000/base AS b\nFROM b\n"
#     good: "FROM registry:5000/base:1.2 AS b\nFROM b\n"
warn_base_tag contains {"msg": msg, "path": [i]} if {
	some i, command in input
	command.Cmd == "from"
	image := command.Value[0]
	image != "scratch"
	not lower(image) in stages
	not contains(image, "$")
	not contains(image, "@sha256:")
	name := regex.replace(image, "^.*/", "")
	floating(name)
	msg := sprintf("%s is another image tomorrow", [image])
}

stages contains lower(command.Value[2]) if {
	some command in input
	command.Cmd == "from"
	lower(command.Value[1]) == "as"
}

floating(name) if not contains(name, ":")

floating(name) if endswith(name, ":latest")
