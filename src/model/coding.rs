//! The ways in which text is encoded that are seen through.

use std::fmt;

/// One layer of encoding around a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Coding {
    /// RFC 4648, of either alphabet, on one line or several.
    Base64,
    /// Two digits a byte.
    Hex,
    /// UTF-16 text inside another encoding.
    Utf16,
    /// RFC 1952.
    Gzip,
    /// RFC 1950.
    Zlib,
    /// `%41`, RFC 3986.
    Percent,
    /// `\x41`, `\u0041`, `\n`: escapes of string literals.
    Escapes,
    /// `&quot;`, `&#65;`: HTML and XML.
    Entities,
    /// `=41` and lines that go on after `=`, RFC 2045.
    QuotedPrintable,
}

impl Coding {
    /// All there are.
    pub const ALL: [Coding; 9] = [
        Coding::Base64,
        Coding::Hex,
        Coding::Utf16,
        Coding::Gzip,
        Coding::Zlib,
        Coding::Percent,
        Coding::Escapes,
        Coding::Entities,
        Coding::QuotedPrintable,
    ];

    /// The word used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Coding::Base64 => "base64",
            Coding::Hex => "hex",
            Coding::Utf16 => "utf-16",
            Coding::Gzip => "gzip",
            Coding::Zlib => "zlib",
            Coding::Percent => "percent",
            Coding::Escapes => "escapes",
            Coding::Entities => "entities",
            Coding::QuotedPrintable => "quoted-printable",
        }
    }
}

impl fmt::Display for Coding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
