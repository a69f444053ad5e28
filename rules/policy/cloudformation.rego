# METADATA
# title: CloudFormation
# custom:
#   kinds: [yaml, json]
#   needs: [Resources, Parameters]
package keyward.cloudformation

import rego.v1

resources contains {"name": name, "type": r.Type, "path": ["Resources", name, "Properties"], "body": body} if {
	some name, r in input.Resources
	is_string(r.Type)
	body := object.get(r, "Properties", {})
	is_object(body)
}

# METADATA
# title: Public bucket
# description: A bucket that everybody may read is found by whoever looks, and read.
# custom:
#   id: cloudformation-public-bucket
#   severity: high
#   fix: Keep it private, and give access by role or signed address.
#   examples:
#     bad: "Resources: {B: {Type: 'AWS::S3::Bucket', Properties: {AccessControl: PublicRead}}}"
#     good: "Resources: {B: {Type: 'AWS::S3::Bucket', Properties: {AccessControl: Private}}}"
deny_public_bucket contains {"msg": msg, "path": array.concat(r.path, ["AccessControl"])} if {
	some r in resources
	r.type == "AWS::S3::Bucket"
	r.body.AccessControl in {"PublicRead", "PublicReadWrite", "AuthenticatedRead"}
	msg := sprintf("bucket %s is public: %s", [r.name, r.body.AccessControl])
}

deny_public_bucket contains {"msg": msg, "path": array.concat(r.path, ["PublicAccessBlockConfiguration", field])} if {
	some r in resources
	r.type == "AWS::S3::Bucket"
	value := r.body.PublicAccessBlockConfiguration[field]
	value in {false, "false"}
	msg := sprintf("bucket %s may be made public: %s is false", [r.name, field])
}

# METADATA
# title: Open to the world
# description: A port other than the web's that everybody can reach is tried by everybody.
# custom:
#   id: cloudformation-open-ingress
#   severity: high
#   fix: Name the networks that need it.
#   examples:
#     bad: "Resources: {G: {Type: 'AWS::EC2::SecurityGroup', Properties: {SecurityGroupIngress: [{FromPort: 22, ToPort: 22, CidrIp: 0.0.0.0/0}]}}}"
#     good: "Resources: {G: {Type: 'AWS::EC2::SecurityGroup', Properties: {SecurityGroupIngress: [{FromPort: 443, ToPort: 443, CidrIp: 0.0.0.0/0}]}}}"
deny_open_ingress contains {"msg": msg, "path": array.concat(r.path, ["SecurityGroupIngress", i])} if {
	some r in resources
	r.type == "AWS::EC2::SecurityGroup"
	some i, rule in r.body.SecurityGroupIngress
	some field in ["CidrIp", "CidrIpv6"]
	rule[field] in {"0.0.0.0/0", "::/0"}
	not web(rule)
	msg := sprintf("security group %s is open to the world", [r.name])
}

deny_open_ingress contains {"msg": msg, "path": r.path} if {
	some r in resources
	r.type == "AWS::EC2::SecurityGroupIngress"
	some field in ["CidrIp", "CidrIpv6"]
	r.body[field] in {"0.0.0.0/0", "::/0"}
	not web(r.body)
	msg := sprintf("%s opens a security group to the world", [r.name])
}

web(rule) if {
	rule.FromPort == rule.ToPort
	rule.FromPort in {80, 443}
}

encrypted := {
	"AWS::RDS::DBInstance": "StorageEncrypted",
	"AWS::RDS::DBCluster": "StorageEncrypted",
	"AWS::EC2::Volume": "Encrypted",
	"AWS::EFS::FileSystem": "Encrypted",
}

# METADATA
# title: Store without encryption
# description: Disks, snapshots and backups of an unencrypted store can be read by whoever gets a copy.
# custom:
#   id: cloudformation-unencrypted
#   severity: medium
#   fix: Switch encryption on.
#   examples:
#     bad: "Resources: {D: {Type: 'AWS::RDS::DBInstance', Properties: {Engine: mysql}}}"
#     good: "Resources: {D: {Type: 'AWS::RDS::DBInstance', Properties: {Engine: mysql, StorageEncrypted: true}}}"
deny_unencrypted contains {"msg": msg, "path": r.path} if {
	some r in resources
	field := encrypted[r.type]
	object.get(r.body, field, false) in {false, "false"}
	msg := sprintf("%s is not encrypted: %s is not true", [r.name, field])
}

credentials := {
	"MasterUserPassword", "AdminPassword", "Password", "SecretAccessKey", "AuthToken", "SecretString", "ClientSecret",
}

# METADATA
# title: Credential written out
# description: A password in a template is there for everybody who reads the template, and in the stack as well.
# custom:
#   id: cloudformation-credential
#   severity: high
#   fix: Use a dynamic reference to Secrets Manager or Parameter Store, or a parameter with NoEcho.
#   examples:
#     bad: "Resources: {D: {Type: 'AWS::RDS::DBInstance', Properties: {StorageEncrypted: true, MasterUserPassword: written here}}}"
#     good: "Resources: {D: {Type: 'AWS::RDS::DBInstance', Properties: {StorageEncrypted: true, MasterUserPassword: '{{resolve:secretsmanager:db:SecretString:password}}'}}}"
deny_credential contains {"msg": msg, "path": array.concat(r.path, [field])} if {
	some r in resources
	some field in credentials
	value := r.body[field]
	is_string(value)
	value != ""
	not contains(value, "{{resolve:")
	not contains(value, "${")
	# `!Ref Name` is read as its text.
	not input.Parameters[value]
	msg := sprintf("%s has its %s written out", [r.name, field])
}

deny_credential contains {"msg": msg, "path": ["Parameters", name, "Default"]} if {
	parameter := input.Parameters[name]
	regex.match(`(?i)(password|secret|token|apikey|api_key)$`, name)
	is_string(parameter.Default)
	parameter.Default != ""
	not contains(parameter.Default, "{{resolve:")
	msg := sprintf("the parameter %s has a secret as its default", [name])
}

tagged := {
	"AWS::EC2::Instance", "AWS::S3::Bucket", "AWS::RDS::DBInstance", "AWS::Lambda::Function", "AWS::EC2::Volume",
	"AWS::ECS::Service", "AWS::DynamoDB::Table",
}

# METADATA
# title: No owner or lifetime in the tags
# description: What has no owner and no end in its tags is found when it is billed, or broken into.
# custom:
#   id: cloudformation-tags
#   severity: low
#   fix: Add the tags owner and ttl.
#   examples:
#     bad: "Resources: {B: {Type: 'AWS::S3::Bucket', Properties: {Tags: [{Key: owner, Value: me}]}}}"
#     good: "Resources: {B: {Type: 'AWS::S3::Bucket', Properties: {Tags: [{Key: owner, Value: me}, {Key: ttl, Value: 30d}]}}}"
warn_tags contains {"msg": msg, "path": ["Resources", r.name]} if {
	some r in resources
	r.type in tagged
	given := {lower(tag.Key) | tag := r.body.Tags[_]; is_string(tag.Key)}
	missing := {"owner", "ttl"} - given
	count(missing) > 0
	msg := sprintf("%s has no tag %s", [r.name, concat(", ", sort(missing))])
}
