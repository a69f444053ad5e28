# METADATA
# title: AWS IAM policies
# description: |
#   Policy documents on their own, in CloudFormation templates, and in Terraform as blocks, texts or what jsonencode is
#   given. Action names are held against their grammar only: there is no table of the services' actions in keyward.
# related_resources: ["https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html"]
# custom:
#   kinds: [json, yaml, embedded]
#   needs: [Statement, Resources]
package keyward.iam

import rego.v1

documents contains {"path": [], "document": input} if {
	input.Version
	input.Statement
}

# Without a version, as long as something in it is a statement of IAM.
documents contains {"path": [], "document": input} if {
	not input.Version
	some statement in list(input.Statement)
	statement.Effect
	some field in ["Action", "NotAction"]
	statement[field]
}

documents contains {"path": path, "document": document} if {
	some name, resource in input.Resources
	startswith(resource.Type, "AWS::")
	some field in ["PolicyDocument", "AssumeRolePolicyDocument", "KeyPolicy"]
	document := resource.Properties[field]
	path := ["Resources", name, "Properties", field]
}

documents contains {"path": path, "document": policy.PolicyDocument} if {
	some name, resource in input.Resources
	startswith(resource.Type, "AWS::")
	some i, policy in resource.Properties.Policies
	path := ["Resources", name, "Properties", "Policies", i, "PolicyDocument"]
}

statements contains {"path": array.concat(entry.path, ["Statement", i]), "statement": statement} if {
	some entry in documents
	is_array(entry.document.Statement)
	some i, statement in entry.document.Statement
	is_object(statement)
}

statements contains {"path": array.concat(entry.path, ["Statement"]), "statement": entry.document.Statement} if {
	some entry in documents
	is_object(entry.document.Statement)
}

list(value) := value if is_array(value)

list(value) := [value] if not is_array(value)

allows contains entry if {
	some entry in statements
	entry.statement.Effect == "Allow"
}

actions(statement) := [lower(action) | some action in list(object.get(statement, "Action", [])); is_string(action)]

# METADATA
# title: Unknown policy version
# description: AWS refuses a version that it does not know, and reads a policy without one by the rules of 2008.
# custom:
#   id: iam-version
#   severity: medium
#   fix: Use 2012-10-17.
#   examples:
#     bad: "{\"Version\": \"2024-10-01\", \"Statement\": [{\"Effect\": \"Deny\", \"Action\": \"s3:GetObject\", \"Resource\": \"*\"}]}"
#     good: "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Deny\", \"Action\": \"s3:GetObject\", \"Resource\": \"*\"}]}"
deny_version contains {"msg": msg, "path": array.concat(entry.path, ["Version"])} if {
	some entry in documents
	version := entry.document.Version
	not version in {"2012-10-17", "2008-10-17"}
	msg := sprintf("the version %v is none that IAM knows: use 2012-10-17", [version])
}

elements := {
	"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
}

# METADATA
# title: Malformed statement
# description: AWS refuses what is against the policy grammar, or worse, reads it as something else.
# custom:
#   id: iam-grammar
#   severity: medium
#   fix: Correct it by the policy grammar.
#   examples:
#     bad: "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"allow\", \"Actions\": \"s3:GetObject\", \"Resource\": \"arn:aws:s3\"}]}"
#     good: "{\"Version\": \"2012-10-17\", \"Statement\": [{\"Effect\": \"Deny\", \"Action\": \"s3:GetObject\", \"Resource\": \"arn:aws:s3:::b/*\"}]}"
deny_grammar contains {"msg": msg, "path": array.concat(entry.path, [name])} if {
	some entry in statements
	some name, _ in entry.statement
	not name in elements
	msg := sprintf("a statement has no element %s", [name])
}

deny_grammar contains {"msg": msg, "path": entry.path} if {
	some entry in statements
	effect := object.get(entry.statement, "Effect", "nothing")
	not effect in {"Allow", "Deny"}
	not contains(sprintf("%v", [effect]), "${")
	msg := sprintf("Effect must be Allow or Deny, not %v", [effect])
}

deny_grammar contains {"msg": msg, "path": array.concat(entry.path, [field])} if {
	some entry in statements
	some field in ["Action", "NotAction"]
	some action in list(entry.statement[field])
	is_string(action)
	not contains(action, "${")
	not regex.match(`^(\*|[a-zA-Z0-9-]+:[a-zA-Z0-9*?]+)$`, action)
	msg := sprintf("%s is no action: write service:Name", [action])
}

deny_grammar contains {"msg": msg, "path": array.concat(entry.path, [field])} if {
	some entry in statements
	some field in ["Resource", "NotResource"]
	some resource in list(entry.statement[field])
	is_string(resource)
	resource != "*"
	not contains(resource, "${")
	not regex.match(`^arn:[a-z*-]+:[a-z0-9*-]*:[a-zA-Z0-9*-]*:[a-zA-Z0-9*-]*:.+`, resource)
	msg := sprintf("%s is no ARN", [resource])
}

deny_grammar contains {"msg": msg, "path": array.concat(entry.path, ["Sid"])} if {
	some entry in statements
	sid := entry.statement.Sid
	not regex.match(`^[A-Za-z0-9 ]*$`, sid)
	msg := sprintf("the Sid %v may have letters and digits only", [sid])
}

# METADATA
# title: Wildcard action
# description: A wildcard for a whole service, or for all, grants what nobody thought of, today and later.
# custom:
#   id: iam-wildcard-action
#   severity: high
#   fix: Name the actions that are needed.
#   examples:
#     bad: "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": \"s3:*\", \"Resource\": \"arn:aws:s3:::b\"}}"
#     good: "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": \"s3:Get*\", \"Resource\": \"arn:aws:s3:::b\"}}"
deny_wildcard_action contains {"msg": msg, "path": array.concat(entry.path, ["Action"])} if {
	some entry in allows
	some action in actions(entry.statement)
	regex.match(`^(\*|[a-z0-9-]+:\*)$`, action)
	msg := sprintf("the statement allows %s", [action])
}

# METADATA
# title: Wildcard resource
# description: An action that changes something, on every resource of the account.
# custom:
#   id: iam-wildcard-resource
#   severity: high
#   fix: Name the resources by ARN, or add a condition on their tags.
#   examples:
#     bad: "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": \"s3:PutObject\", \"Resource\": \"*\"}}"
#     good: "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": \"ec2:DescribeInstances\", \"Resource\": \"*\"}}"
deny_wildcard_resource contains {"msg": msg, "path": array.concat(entry.path, ["Resource"])} if {
	some entry in allows
	"*" in list(entry.statement.Resource)
	not entry.statement.Condition
	changing := [action | some action in actions(entry.statement); not regex.match(`:(get|list|describe|head|view|search|lookup)`, action)]
	count(changing) > 0
	msg := sprintf("the statement allows %s on every resource", [concat(", ", changing)])
}

# METADATA
# title: Allow by exclusion
# description: NotAction and NotResource with Allow grant everything but what is named, new services included.
# custom:
#   id: iam-allow-not
#   severity: high
#   fix: Name what is allowed instead.
#   examples:
#     bad: "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"NotAction\": \"iam:*\", \"Resource\": \"arn:aws:s3:::b\"}}"
#     good: "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Deny\", \"NotAction\": \"iam:*\", \"Resource\": \"arn:aws:s3:::b\"}}"
deny_allow_not contains {"msg": msg, "path": array.concat(entry.path, [field])} if {
	some entry in allows
	some field in ["NotAction", "NotResource", "NotPrincipal"]
	entry.statement[field]
	msg := sprintf("the statement allows everything but what %s names", [field])
}

# METADATA
# title: Anybody as principal
# description: A statement for everybody, without a condition, is open to every AWS account, or to the world.
# custom:
#   id: iam-principal-any
#   severity: critical
#   fix: Name the accounts or roles, or add a condition on the organisation.
#   examples:
#     bad: "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \"*\"}, \"Action\": \"s3:GetObject\", \"Resource\": \"arn:aws:s3:::b/*\"}}"
#     good: "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Principal\": {\"AWS\": \"arn:aws:iam::111122223333:root\"}, \"Action\": \"s3:GetObject\", \"Resource\": \"arn:aws:s3:::b/*\"}}"
deny_principal_any contains {"msg": msg, "path": array.concat(entry.path, ["Principal"])} if {
	some entry in allows
	anybody(entry.statement.Principal)
	not entry.statement.Condition
	msg := "the statement allows everybody, without a condition"
}

anybody(principal) if principal == "*"

anybody(principal) if "*" in list(principal.AWS)

# METADATA
# title: PassRole on every role
# description: Whoever may pass any role to a service gets the rights of the strongest one.
# custom:
#   id: iam-pass-role
#   severity: high
#   fix: Name the roles, and the service by iam:PassedToService.
#   examples:
#     bad: "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": \"iam:PassRole\", \"Resource\": \"*\", \"Condition\": {}}}"
#     good: "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": \"iam:PassRole\", \"Resource\": \"arn:aws:iam::111122223333:role/app\"}}"
deny_pass_role contains {"msg": "the statement allows passing every role", "path": array.concat(entry.path, ["Resource"])} if {
	some entry in allows
	"iam:passrole" in actions(entry.statement)
	"*" in list(entry.statement.Resource)
}

escalating := {
	"iam:createpolicyversion", "iam:setdefaultpolicyversion", "iam:attachuserpolicy", "iam:attachgrouppolicy",
	"iam:attachrolepolicy", "iam:putuserpolicy", "iam:putgrouppolicy", "iam:putrolepolicy", "iam:addusertogroup",
	"iam:updateassumerolepolicy", "iam:createaccesskey", "iam:createloginprofile", "iam:updateloginprofile",
}

starting := {
	"lambda:createfunction", "ec2:runinstances", "glue:createdevendpoint", "cloudformation:createstack",
	"ecs:runtask", "sagemaker:createnotebookinstance", "codebuild:createproject", "datapipeline:createpipeline",
}

# METADATA
# title: Privilege escalation
# description: With these actions an identity can give itself, or a process it starts, more rights than it has.
# custom:
#   id: iam-privilege-escalation
#   severity: high
#   fix: Take the action out, or bind it to resources that are worth no more.
#   examples:
#     bad: "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": [\"iam:PassRole\", \"ec2:RunInstances\"], \"Resource\": \"arn:aws:iam::111122223333:role/app\"}}"
#     good: "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": [\"iam:GetRole\"], \"Resource\": \"arn:aws:iam::111122223333:role/app\"}}"
deny_privilege_escalation contains {"msg": msg, "path": array.concat(entry.path, ["Action"])} if {
	some entry in allows
	some action in actions(entry.statement)
	action in escalating
	msg := sprintf("%s lets an identity give itself more rights", [action])
}

deny_privilege_escalation contains {"msg": msg, "path": array.concat(entry.path, ["Action"])} if {
	some entry in allows
	given := actions(entry.statement)
	"iam:passrole" in given
	some action in given
	action in starting
	msg := sprintf("iam:passrole with %s lets an identity start something with more rights", [action])
}

# METADATA
# title: Secrets and data of every resource
# description: An action that reads secrets or data, on all resources there are, is how data leaves.
# custom:
#   id: iam-exposure
#   severity: medium
#   fix: Name the secrets, parameters, tables or buckets.
#   examples:
#     bad: "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": \"secretsmanager:GetSecretValue\", \"Resource\": \"*\"}}"
#     good: "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": \"s3:ListAllMyBuckets\", \"Resource\": \"*\"}}"
warn_exposure contains {"msg": msg, "path": array.concat(entry.path, ["Action"])} if {
	some entry in allows
	"*" in list(entry.statement.Resource)
	some action in actions(entry.statement)
	regex.match(`^(secretsmanager:getsecretvalue|ssm:getparameters?|s3:getobject|kms:decrypt|dynamodb:(getitem|scan|query)|rds:copydbsnapshot|ec2:getpassworddata|sts:getfederationtoken)`, action)
	msg := sprintf("%s on every resource exposes data or credentials", [action])
}

# METADATA
# title: No owner in the conditions
# description: A statement that asks for an owner tag holds only for what somebody answers for.
# custom:
#   id: iam-owner-condition
#   severity: low
#   fix: Add a condition on aws:RequestTag/owner, aws:ResourceTag/owner or aws:PrincipalTag/owner.
#   examples:
#     bad: "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": \"s3:GetObject\", \"Resource\": \"arn:aws:s3:::b/*\"}}"
#     good: "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": \"s3:GetObject\", \"Resource\": \"arn:aws:s3:::b/*\", \"Condition\": {\"StringEquals\": {\"aws:ResourceTag/owner\": \"team-x\"}}}}"
warn_owner_condition contains {"msg": "no condition on an owner tag", "path": entry.path} if {
	some entry in allows
	not entry.statement.Principal
	not owned(entry.statement)
}

owned(statement) if {
	some tests in statement.Condition
	some key, _ in tests
	regex.match(`(?i)^aws:(request|resource|principal)tag/owner$`, key)
}

# METADATA
# title: No end in the conditions
# description: A right that ends with a date or a lifetime tag ends although nobody takes it back.
# custom:
#   id: iam-ttl-condition
#   severity: low
#   fix: Add a condition on a tag named ttl, or on aws:CurrentTime, aws:EpochTime or aws:TokenIssueTime.
#   examples:
#     bad: "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": \"s3:GetObject\", \"Resource\": \"arn:aws:s3:::b/*\"}}"
#     good: "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": \"s3:GetObject\", \"Resource\": \"arn:aws:s3:::b/*\", \"Condition\": {\"StringEquals\": {\"aws:PrincipalTag/ttl\": \"30d\"}}}}"
warn_ttl_condition contains {"msg": "no condition on a lifetime: neither a ttl tag nor a date", "path": entry.path} if {
	some entry in allows
	not entry.statement.Principal
	not ends(entry.statement)
}

ends(statement) if {
	some tests in statement.Condition
	some key, _ in tests
	regex.match(`(?i)^aws:((request|resource|principal)tag/(ttl|expires.*)|currenttime|epochtime|tokenissuetime)$`, key)
}
