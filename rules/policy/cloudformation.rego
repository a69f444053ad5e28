# METADATA
# title: CloudFormation
# custom:
#   kinds: [yaml, json]
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
