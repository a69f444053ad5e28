# METADATA
# title: Terraform
# description: Resources in HCL files and in plans (`terraform show -json`), for AWS, Google Cloud and Azure.
# custom:
#   kinds: [hcl2, json]
#   needs: [resource, data, provider, planned_values]
package keyward.terraform

import rego.v1

resources contains {"type": type, "name": name, "path": ["resource", type, name, i], "body": body} if {
	some type, named in input.resource
	is_object(named)
	some name, bodies in named
	is_array(bodies)
	some i, body in bodies
	is_object(body)
}

# A plan's modules, whatever they lie in.
resources contains {"type": r.type, "name": r.name, "path": path, "body": r.values} if {
	walk(input.planned_values.root_module, [way, module])
	is_module(way)
	some i, r in module.resources
	is_object(r.values)
	path := array.concat(array.concat(["planned_values", "root_module"], way), ["resources", i, "values"])
}

is_module(way) if count(way) == 0

is_module(way) if way[count(way) - 2] == "child_modules"

public_acls := {"public-read", "public-read-write", "authenticated-read", "website"}

# METADATA
# title: Public storage
# description: A bucket or container that everybody may read is found by whoever looks, and read.
# custom:
#   id: terraform-public-storage
#   severity: high
#   fix: Keep it private, and give access by role or signed address.
#   examples:
#     bad: "resource \"aws_s3_bucket_acl\" \"a\" {\n  acl = \"public-read\"\n}\n"
#     good: "resource \"aws_s3_bucket_acl\" \"a\" {\n  acl = \"private\"\n}\n"
deny_public_storage contains {"msg": msg, "path": array.concat(r.path, ["acl"])} if {
	some r in resources
	r.type in {"aws_s3_bucket", "aws_s3_bucket_acl"}
	r.body.acl in public_acls
	msg := sprintf("%s.%s is public: %s", [r.type, r.name, r.body.acl])
}

deny_public_storage contains {"msg": msg, "path": array.concat(r.path, [field])} if {
	some r in resources
	r.type == "aws_s3_bucket_public_access_block"
	some field in ["block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"]
	r.body[field] == false
	msg := sprintf("%s.%s lets the bucket be public: %s is false", [r.type, r.name, field])
}

deny_public_storage contains {"msg": msg, "path": array.concat(r.path, [field])} if {
	some r in resources
	startswith(r.type, "google_storage_bucket_")
	some field in ["member", "members", "entity", "role_entity"]
	some member in list(r.body[field])
	regex.match(`allUsers|allAuthenticatedUsers`, member)
	msg := sprintf("%s.%s is open to %s", [r.type, r.name, member])
}

deny_public_storage contains {"msg": msg, "path": array.concat(r.path, ["container_access_type"])} if {
	some r in resources
	r.type == "azurerm_storage_container"
	r.body.container_access_type in {"blob", "container"}
	msg := sprintf("%s.%s is public: %s", [r.type, r.name, r.body.container_access_type])
}

deny_public_storage contains {"msg": msg, "path": array.concat(r.path, ["allow_nested_items_to_be_public"])} if {
	some r in resources
	r.type == "azurerm_storage_account"
	r.body.allow_nested_items_to_be_public == true
	msg := sprintf("%s.%s lets its containers be public", [r.type, r.name])
}

list(value) := value if is_array(value)

list(value) := [value] if not is_array(value)

world := {"0.0.0.0/0", "::/0", "*", "Internet", "0.0.0.0"}

# METADATA
# title: Open to the world
# description: A port other than the web's that everybody can reach is tried by everybody.
# custom:
#   id: terraform-open-ingress
#   severity: high
#   fix: Name the networks that need it, or put a bastion or gateway before it.
#   examples:
#     bad: "resource \"aws_security_group\" \"a\" {\n  ingress {\n    from_port = 22\n    to_port = 22\n    cidr_blocks = [\"0.0.0.0/0\"]\n  }\n}\n"
#     good: "resource \"aws_security_group\" \"a\" {\n  ingress {\n    from_port = 443\n    to_port = 443\n    cidr_blocks = [\"0.0.0.0/0\"]\n  }\n}\n"
deny_open_ingress contains {"msg": msg, "path": array.concat(r.path, ["ingress", i])} if {
	some r in resources
	r.type == "aws_security_group"
	some i, rule in r.body.ingress
	open_rule(rule)
	msg := sprintf("%s.%s is open to the world on %s", [r.type, r.name, ports(rule)])
}

deny_open_ingress contains {"msg": msg, "path": r.path} if {
	some r in resources
	ingress_rule(r)
	open_rule(r.body)
	msg := sprintf("%s.%s is open to the world on %s", [r.type, r.name, ports(r.body)])
}

deny_open_ingress contains {"msg": msg, "path": array.concat(r.path, ["source_ranges"])} if {
	some r in resources
	r.type == "google_compute_firewall"
	some range in r.body.source_ranges
	range in world
	some allow in r.body.allow
	not web_only(allow)
	msg := sprintf("%s.%s is open to the world", [r.type, r.name])
}

deny_open_ingress contains {"msg": msg, "path": r.path} if {
	some r in resources
	r.type == "azurerm_network_security_rule"
	lower(r.body.direction) == "inbound"
	lower(r.body.access) == "allow"
	r.body.source_address_prefix in world
	not sprintf("%v", [r.body.destination_port_range]) in {"80", "443"}
	msg := sprintf("%s.%s is open to the world", [r.type, r.name])
}

ingress_rule(r) if {
	r.type == "aws_security_group_rule"
	r.body.type == "ingress"
}

ingress_rule(r) if r.type == "aws_vpc_security_group_ingress_rule"

open_rule(rule) if {
	some field in ["cidr_blocks", "ipv6_cidr_blocks", "cidr_ipv4", "cidr_ipv6"]
	some range in list(rule[field])
	range in world
	not web(rule)
}

web(rule) if {
	rule.from_port == rule.to_port
	rule.from_port in {80, 443}
}

ports(rule) := "all ports" if not rule.from_port

ports(rule) := sprintf("ports %v to %v", [rule.from_port, object.get(rule, "to_port", rule.from_port)]) if rule.from_port

web_only(allow) if {
	wanted := {port | some port in allow.ports}
	count(wanted) > 0
	count(wanted - {"80", "443"}) == 0
}

encrypted := {
	"aws_ebs_volume": "encrypted",
	"aws_efs_file_system": "encrypted",
	"aws_db_instance": "storage_encrypted",
	"aws_rds_cluster": "storage_encrypted",
	"aws_redshift_cluster": "encrypted",
	"aws_neptune_cluster": "storage_encrypted",
	"aws_docdb_cluster": "storage_encrypted",
	"aws_elasticache_replication_group": "at_rest_encryption_enabled",
}

# What is encrypted unless somebody says otherwise.
decrypted := {
	"azurerm_mssql_database": "transparent_data_encryption_enabled",
	"azurerm_storage_account": "https_traffic_only_enabled",
	"azurerm_postgresql_server": "ssl_enforcement_enabled",
	"azurerm_mysql_server": "ssl_enforcement_enabled",
	"aws_sqs_queue": "sqs_managed_sse_enabled",
}

# METADATA
# title: Store without encryption
# description: Disks, snapshots and backups of an unencrypted store can be read by whoever gets a copy.
# custom:
#   id: terraform-unencrypted
#   severity: medium
#   fix: Switch encryption on.
#   examples:
#     bad: "resource \"aws_ebs_volume\" \"a\" {\n  size = 1\n}\n"
#     good: "resource \"aws_ebs_volume\" \"a\" {\n  size = 1\n  encrypted = true\n}\n"
deny_unencrypted contains {"msg": msg, "path": r.path} if {
	some r in resources
	field := encrypted[r.type]
	object.get(r.body, field, false) in {false, null, "false"}
	msg := sprintf("%s.%s is not encrypted: %s is not true", [r.type, r.name, field])
}

deny_unencrypted contains {"msg": msg, "path": array.concat(r.path, [field])} if {
	some r in resources
	field := decrypted[r.type]
	r.body[field] in {false, "false"}
	msg := sprintf("%s.%s is not encrypted: %s is false", [r.type, r.name, field])
}

deny_unencrypted contains {"msg": msg, "path": array.concat(r.path, ["settings", i, "ip_configuration", j])} if {
	some r in resources
	r.type == "google_sql_database_instance"
	settings := r.body.settings[i]
	network := settings.ip_configuration[j]
	network.ssl_mode == "ALLOW_UNENCRYPTED_AND_ENCRYPTED"
	msg := sprintf("%s.%s takes connections without encryption", [r.type, r.name])
}

# METADATA
# title: Wildcard rights
# description: |
#   Rights to do everything are rights to do what nobody thought of. Here for Google Cloud and Azure; AWS policies are
#   judged by the rules for IAM, wherever they are written.
# custom:
#   id: terraform-wildcard-iam
#   severity: high
#   fix: Name the roles that are needed.
#   examples:
#     bad: "resource \"google_project_iam_member\" \"a\" {\n  role = \"roles/owner\"\n}\n"
#     good: "resource \"google_project_iam_member\" \"a\" {\n  role = \"roles/storage.objectViewer\"\n}\n"
deny_wildcard_iam contains {"msg": msg, "path": array.concat(r.path, ["role"])} if {
	some r in resources
	regex.match(`^google_(project|folder|organization)_iam_`, r.type)
	r.body.role in {"roles/owner", "roles/editor"}
	msg := sprintf("%s.%s gives %s", [r.type, r.name, r.body.role])
}

deny_wildcard_iam contains {"msg": msg, "path": array.concat(r.path, ["role_definition_name"])} if {
	some r in resources
	r.type == "azurerm_role_assignment"
	r.body.role_definition_name in {"Owner", "User Access Administrator"}
	msg := sprintf("%s.%s gives %s", [r.type, r.name, r.body.role_definition_name])
}

credentials := {
	"password", "master_password", "admin_password", "administrator_login_password", "secret_key", "client_secret",
	"access_key", "auth_token", "token",
}

# METADATA
# title: Credential written out
# description: A password in a file is there for everybody who reads the file, and in the state as well.
# custom:
#   id: terraform-credential
#   severity: high
#   fix: Take it from a variable marked sensitive, or from a secret store.
#   examples:
#     bad: "resource \"aws_db_instance\" \"a\" {\n  storage_encrypted = true\n  password = \"written here\"\n}\n"
#     good: "resource \"aws_db_instance\" \"a\" {\n  storage_encrypted = true\n  password = var.password\n}\n"
deny_credential contains {"msg": msg, "path": array.concat(r.path, [field])} if {
	some r in resources
	r.path[0] == "resource"
	some field in credentials
	written(r.body[field])
	msg := sprintf("%s.%s has its %s written out", [r.type, r.name, field])
}

deny_credential contains {"msg": msg, "path": ["provider", name, i, field]} if {
	some name, bodies in input.provider
	is_array(bodies)
	some i, body in bodies
	some field in credentials
	written(body[field])
	msg := sprintf("the provider %s has its %s written out", [name, field])
}

written(value) if {
	is_string(value)
	value != ""
	not contains(value, "${")
}

tagged := {
	"aws_instance", "aws_s3_bucket", "aws_db_instance", "aws_lambda_function", "aws_ebs_volume", "aws_ecs_service",
	"aws_eks_cluster", "aws_dynamodb_table", "azurerm_linux_virtual_machine", "azurerm_windows_virtual_machine",
	"azurerm_storage_account", "azurerm_mssql_server", "azurerm_kubernetes_cluster", "azurerm_linux_web_app",
	"azurerm_linux_function_app",
}

labelled := {
	"google_compute_instance", "google_storage_bucket", "google_container_cluster", "google_cloudfunctions2_function",
	"google_cloud_run_v2_service", "google_bigquery_dataset",
}

# METADATA
# title: No owner or lifetime in the tags
# description: What has no owner and no end in its tags is found when it is billed, or broken into.
# custom:
#   id: terraform-tags
#   severity: low
#   fix: Add the tags owner and ttl, or give them to the provider's default_tags.
#   examples:
#     bad: "resource \"aws_instance\" \"a\" {\n  ami = \"b\"\n  tags = { owner = \"me\" }\n}\n"
#     good: "resource \"aws_instance\" \"a\" {\n  ami = \"b\"\n  tags = { owner = \"me\", ttl = \"30d\" }\n}\n"
warn_tags contains {"msg": msg, "path": r.path} if {
	some r in resources
	r.type in tagged
	tags := object.get(r.body, "tags", {})
	is_object(tags)
	given := {lower(name) | some name, _ in tags}
	missing := {"owner", "ttl"} - given
	count(missing) > 0
	not defaults
	msg := sprintf("%s.%s has no tag %s", [r.type, r.name, concat(", ", sort(missing))])
}

warn_tags contains {"msg": msg, "path": r.path} if {
	some r in resources
	r.type in labelled
	labels := object.get(r.body, "labels", {})
	is_object(labels)
	given := {lower(name) | some name, _ in labels}
	missing := {"owner", "ttl"} - given
	count(missing) > 0
	not defaults
	msg := sprintf("%s.%s has no label %s", [r.type, r.name, concat(", ", sort(missing))])
}

defaults if {
	some bodies in input.provider
	is_array(bodies)
	some body in bodies
	body.default_labels
}

defaults if {
	some bodies in input.provider
	is_array(bodies)
	some body in bodies
	body.default_tags
}
