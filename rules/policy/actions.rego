# METADATA
# title: GitHub Actions workflows
# related_resources: ["https://docs.github.com/en/actions/security-for-github-actions/security-guides/security-hardening-for-github-actions"]
# custom:
#   kinds: [yaml]
#   needs: [jobs]
package keyward.actions

import rego.v1

is_workflow if {
	input.on
	is_object(input.jobs)
}

steps contains {"path": ["jobs", job, "steps", i], "step": step} if {
	is_workflow
	some job, body in input.jobs
	some i, step in body.steps
}

# METADATA
# title: Action not pinned
# description: A tag or branch can be moved to other code, which then runs with this workflow's secrets.
# custom:
#   id: actions-unpinned
#   severity: medium
#   fix: Use the full commit id, with the tag in a comment behind it.
#   examples:
#     bad: "{on: push, jobs: {a: {steps: [{uses: someone/thing@v1}]}}}"
#     good: "{on: push, jobs: {a: {steps: [{uses: someone/thing@8f4b7f84864484a7bf31766abe9204da3cbe65b3}, {uses: ./local}]}}}"
warn_unpinned contains {"msg": msg, "path": array.concat(entry.path, ["uses"])} if {
	some entry in steps
	uses := entry.step.uses
	unpinned(uses)
	msg := sprintf("%s is not pinned to a commit", [uses])
}

warn_unpinned contains {"msg": msg, "path": ["jobs", job, "uses"]} if {
	is_workflow
	some job, body in input.jobs
	unpinned(body.uses)
	msg := sprintf("%s is not pinned to a commit", [body.uses])
}

unpinned(uses) if {
	not startswith(uses, "./")
	not regex.match(`@[0-9a-f]{40}([0-9a-f]{24})?$`, uses)
	not regex.match(`^docker://.*@sha256:[0-9a-f]{64}$`, uses)
}

# METADATA
# title: Script injection
# description: Titles, branch names and comments are written by strangers; inside a script they are code.
# custom:
#   id: actions-script-injection
#   severity: high
#   fix: Hand the value over in `env` and use "$NAME" in the script.
#   examples:
#     bad: "{on: issues, jobs: {a: {steps: [{run: 'echo ${{ github.event.issue.title }}'}]}}}"
#     good: "{on: issues, jobs: {a: {steps: [{run: 'echo \"$TITLE\"', env: {TITLE: '${{ github.event.issue.title }}'}}]}}}"
deny_script_injection contains {"msg": msg, "path": array.concat(entry.path, where)} if {
	some entry in steps
	some where in [["run"], ["with", "script"]]
	script := object.get(entry.step, where, "")
	some expression in regex.find_n(`\$\{\{[^}]*\}\}`, script, -1)
	regex.match(foreign, expression)
	msg := sprintf("the script runs what strangers write: %s", [expression])
}

foreign := concat("|", [
	`github\.event\.(issue|pull_request|discussion)\.(title|body)`,
	`github\.event\.(comment|review|review_comment)\.body`,
	`github\.event\.(head_commit|commits.*)\.(message|author\.(email|name))`,
	`github\.event\.pull_request\.head\.(ref|label|repo\.default_branch)`,
	`github\.event\.(workflow_run\.head_branch|pages.*page_name)`,
	`github\.head_ref`,
])

# METADATA
# title: Write permission for everything
# description: A stolen token of this workflow could change code, releases and settings.
# custom:
#   id: actions-write-all
#   severity: high
#   fix: Name the permissions that are needed, read where that is enough.
#   examples:
#     bad: "{on: push, permissions: write-all, jobs: {a: {steps: [{run: make}]}}}"
#     good: "{on: push, permissions: {contents: read}, jobs: {a: {steps: [{run: make}]}}}"
deny_write_all contains {"msg": "the workflow may write everything", "path": ["permissions"]} if {
	is_workflow
	input.permissions == "write-all"
}

deny_write_all contains {"msg": msg, "path": ["jobs", job, "permissions"]} if {
	is_workflow
	some job, body in input.jobs
	body.permissions == "write-all"
	msg := sprintf("job %s may write everything", [job])
}

# METADATA
# title: Secret printed
# description: Masking in logs fails as soon as a secret is encoded, split or cut.
# custom:
#   id: actions-secret-echo
#   severity: high
#   fix: Hand the secret over in `env` and print nothing of it.
#   examples:
#     bad: "{on: push, jobs: {a: {steps: [{run: 'echo ${{ secrets.TOKEN }} | base64'}]}}}"
#     good: "{on: push, jobs: {a: {steps: [{run: './deploy', env: {TOKEN: '${{ secrets.TOKEN }}'}}]}}}"
deny_secret_echo contains {"msg": msg, "path": array.concat(entry.path, ["run"])} if {
	some entry in steps
	some line in split(entry.step.run, "\n")
	regex.match(`(^|[;&|(\s])(echo|printf|cat\s*<<<)\s.*\$\{\{\s*secrets\.`, line)
	msg := "the script prints a secret"
}

# METADATA
# title: Script from the network
# description: What is at the address on the day of the run is executed with this workflow's secrets, and nobody checks what it is.
# custom:
#   id: actions-curl-shell
#   severity: medium
#   fix: Download, verify a checksum, then run; or use a pinned action that has the tool.
#   examples:
#     bad: "{on: push, jobs: {a: {steps: [{run: 'curl -sSL https://example.com/install | sudo bash'}]}}}"
#     good: "{on: push, jobs: {a: {steps: [{run: 'curl -o install https://example.com/install && sha256sum -c sums'}]}}}"
warn_curl_shell contains {"msg": "the script runs what it takes from the network", "path": array.concat(entry.path, ["run"])} if {
	some entry in steps
	is_string(entry.step.run)
	regex.match(`(?m)(curl|wget)\b[^\n|]*\|\s*(sudo\s+)?(ba|z|da|k)?sh\b|(ba|z|da|k)?sh\s+(-c\s+)?["']?(<\(|\$\()\s*(curl|wget)\b`, entry.step.run)
}
