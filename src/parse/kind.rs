//! Which format a file is in, by its name.

use std::fmt;

use crate::model::BytePath;

/// A format that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// YAML, several documents a file.
    Yaml,
    /// JSON, with comments and trailing commas.
    Json,
    /// TOML.
    Toml,
    /// HCL 2: Terraform, Packer, Nomad.
    Hcl,
    /// A Dockerfile or Containerfile.
    Dockerfile,
    /// `KEY=value` lines.
    Dotenv,
    /// Sections of `key = value`.
    Ini,
    /// Java properties.
    Properties,
    /// XML.
    Xml,
    /// Owners by path pattern.
    Codeowners,
}

impl Kind {
    /// Every format.
    pub const ALL: [Self; 10] = [
        Self::Yaml,
        Self::Json,
        Self::Toml,
        Self::Hcl,
        Self::Dockerfile,
        Self::Dotenv,
        Self::Ini,
        Self::Properties,
        Self::Xml,
        Self::Codeowners,
    ];

    /// The format called so; none where none is.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The format of a file of this name; none where the name says nothing.
    pub fn of(path: &BytePath) -> Option<Self> {
        let name = path.file_name().to_ascii_lowercase();
        let name = std::str::from_utf8(&name).ok()?;
        let stem = name.split('.').next().unwrap_or_default();
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        match (stem, extension) {
            ("dockerfile" | "containerfile", _) if !matches!(extension, "md" | "sh" | "py") => {
                return Some(Self::Dockerfile);
            }
            ("codeowners", "") => return Some(Self::Codeowners),
            _ if name == ".env" || name.starts_with(".env.") => return Some(Self::Dotenv),
            _ => {}
        }
        Some(match extension {
            "yaml" | "yml" => Self::Yaml,
            "json" | "jsonc" | "tfstate" => Self::Json,
            "toml" => Self::Toml,
            "tf" | "hcl" | "tfvars" | "nomad" => Self::Hcl,
            "dockerfile" | "containerfile" => Self::Dockerfile,
            "env" => Self::Dotenv,
            "ini" | "cfg" => Self::Ini,
            "properties" => Self::Properties,
            "xml" => Self::Xml,
            _ => return None,
        })
    }

    /// Its name in messages and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Json => "json",
            Self::Toml => "toml",
            Self::Hcl => "hcl2",
            Self::Dockerfile => "dockerfile",
            Self::Dotenv => "dotenv",
            Self::Ini => "ini",
            Self::Properties => "properties",
            Self::Xml => "xml",
            Self::Codeowners => "codeowners",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_format() {
        let of = |name: &str| Kind::of(&BytePath::new(name)).map(Kind::name);
        assert_eq!(of("k8s/Deploy.YAML"), Some("yaml"));
        assert_eq!(of("Dockerfile.prod"), Some("dockerfile"));
        assert_eq!(of("svc/api.dockerfile"), Some("dockerfile"));
        assert_eq!(of(".github/CODEOWNERS"), Some("codeowners"));
        assert_eq!(of("a/.env.local"), Some("dotenv"));
        assert_eq!(of("main.tf"), Some("hcl2"));
        assert_eq!(of("main.rs"), None);
        assert_eq!(of("Dockerfile.md"), None);
    }
}
