//! What a private key says of itself: kind, size, locked or not. Reads outer structures only, and no secret number.

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    /// Such as `RSA, 2048 bits`.
    pub(super) what: String,
    /// True when a passphrase locks it.
    pub(super) locked: bool,
}

/// X.690's tags.
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const OID: u8 = 0x06;
const SEQUENCE: u8 = 0x30;

/// Objects of which the names are known, as the bytes behind tag and length: RFC 8017, 5480, 8410 and 8018.
const NAMES: [(&[u8], &str); 13] = [
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1], "RSA"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10], "RSA-PSS"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x38, 4, 1], "DSA"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1], "EC"),
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7], "P-256"),
    (&[0x2b, 0x81, 4, 0, 34], "P-384"),
    (&[0x2b, 0x81, 4, 0, 35], "P-521"),
    (&[0x2b, 0x81, 4, 0, 10], "secp256k1"),
    (&[0x2b, 0x65, 0x6e], "X25519"),
    (&[0x2b, 0x65, 0x6f], "X448"),
    (&[0x2b, 0x65, 0x70], "Ed25519"),
    (&[0x2b, 0x65, 0x71], "Ed448"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 13], "PBES2"),
];

fn name(oid: &[u8]) -> Option<&'static str> {
    NAMES.iter().find(|(bytes, _)| *bytes == oid).map(|(_, name)| *name)
}

/// Elements that one structure may have; keys have nine.
const MOST: usize = 16;

/// An element's tag and content, and what follows it. Lengths of at most two bytes: no key is longer.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, length, rest) = match bytes {
        [tag, length @ 0..=0x7f, rest @ ..] => (*tag, usize::from(*length), rest),
        [tag, 0x81, a, rest @ ..] => (*tag, usize::from(*a), rest),
        [tag, 0x82, a, b, rest @ ..] => (*tag, usize::from(u16::from_be_bytes([*a, *b])), rest),
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// All elements of a content that they fill to the last byte.
fn elements(mut bytes: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let (tag, content, rest) = element(bytes)?;
        if out.len() == MOST {
            return None;
        }
        out.push((tag, content));
        bytes = rest;
    }
    Some(out)
}

/// The elements of the one SEQUENCE that fills `der`.
fn sequence(der: &[u8]) -> Option<Vec<(u8, &[u8])>> {
    match element(der)? {
        (SEQUENCE, content, []) => elements(content),
        _ => None,
    }
}

/// True for one SEQUENCE of the length that it says, whatever it holds.
pub(super) fn is_wrapped(der: &[u8]) -> bool {
    matches!(element(der), Some((SEQUENCE, _, [])))
}

/// True for what is framed as a key is: a SEQUENCE of elements that begin with a version, or with the algorithm that
/// locks it.
pub(super) fn is_framed(der: &[u8]) -> bool {
    sequence(der).is_some_and(|all| matches!(all.as_slice(), [(INTEGER | SEQUENCE, _), _, ..]))
}

fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|b| **b == 0).count();
    let first = number.get(zeros).map_or(0, |b| b.leading_zeros() as usize);
    (number.len() - zeros) * 8 - first
}

/// PKCS#1 (RFC 8017), PKCS#8 (RFC 5958, locked or not), SEC 1 (RFC 5915) and OpenSSL's DSA.
pub(super) fn der(der: &[u8]) -> Option<Key> {
    let open = |what: String| Some(Key { what, locked: false });
    match sequence(der)?.as_slice() {
        [(SEQUENCE, _), (OCTETS, _)] => Some(Key { what: "PKCS#8".to_owned(), locked: true }),
        [(INTEGER, [0]), (INTEGER, n), rest @ ..] if rest.len() >= 7 => open(format!("RSA, {} bits", bits(n))),
        [(INTEGER, [0]), (INTEGER, p), rest @ ..] if rest.len() == 4 => open(format!("DSA, {} bits", bits(p))),
        [(INTEGER, [1]), (OCTETS, _), (0xa0, curve), ..] => open(format!("EC, {}", curve_of(curve))),
        [(INTEGER, [1]), (OCTETS, secret), ..] => open(format!("EC, {} bits", secret.len() * 8)),
        [(INTEGER, [0 | 1]), (SEQUENCE, algorithm), (OCTETS, inner), ..] => {
            let (_, oid, parameters) = element(algorithm)?;
            match name(oid) {
                Some("EC") => open(format!("EC, {}", curve_of(parameters))),
                // RSA-PSS holds the same numbers.
                Some(kind @ ("RSA" | "RSA-PSS")) => match sequence(inner)?.as_slice() {
                    [(INTEGER, _), (INTEGER, n), ..] => open(format!("{kind}, {} bits", bits(n))),
                    _ => None,
                },
                kind => open(kind.unwrap_or("of a kind that is not known").to_owned()),
            }
        }
        _ => None,
    }
}

fn curve_of(element_of: &[u8]) -> &'static str {
    match element(element_of) {
        Some((OID, oid, _)) => name(oid).unwrap_or("a curve that is not known"),
        _ => "a curve that is not known",
    }
}

/// PROTOCOL.key of OpenSSH, behind its magic word: cipher, key derivation, its options, how many keys, a public key.
pub(super) fn openssh(bytes: &[u8]) -> Option<Key> {
    let (cipher, rest) = string(bytes)?;
    let (_, rest) = string(rest)?;
    let (_, rest) = string(rest)?;
    let (public, _) = string(rest.get(4..)?)?;
    let (kind, numbers) = string(public)?;
    let what = match kind {
        b"ssh-rsa" => format!("RSA, {} bits", bits(string(string(numbers)?.1)?.0)),
        b"ssh-dss" => format!("DSA, {} bits", bits(string(numbers)?.0)),
        b"ssh-ed25519" => "Ed25519".to_owned(),
        b"sk-ssh-ed25519@openssh.com" => "Ed25519, held by a security key".to_owned(),
        b"ecdsa-sha2-nistp256" => "EC, P-256".to_owned(),
        b"ecdsa-sha2-nistp384" => "EC, P-384".to_owned(),
        b"ecdsa-sha2-nistp521" => "EC, P-521".to_owned(),
        _ => return None,
    };
    Some(Key { what, locked: cipher != b"none" })
}

/// RFC 4251's string.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82][..], &length, content].concat()
    }

    fn object(of: &str) -> Vec<u8> {
        tlv(OID, NAMES.iter().find(|(_, name)| *name == of).unwrap().0)
    }

    fn numbers(first: u8, lengths: &[usize]) -> Vec<u8> {
        let numbers = lengths.iter().flat_map(|length| tlv(INTEGER, &[&[0, 0x80][..], &vec![7; length - 1]].concat()));
        tlv(SEQUENCE, &tlv(INTEGER, &[first]).into_iter().chain(numbers).collect::<Vec<_>>())
    }

    fn what(bytes: &[u8]) -> Option<(String, bool)> {
        assert!(is_framed(bytes));
        der(bytes).map(|key| (key.what, key.locked))
    }

    fn pkcs8(algorithm: &[Vec<u8>], inner: &[u8]) -> Vec<u8> {
        let parts = [tlv(INTEGER, &[0]), tlv(SEQUENCE, &algorithm.concat()), tlv(OCTETS, inner)];
        tlv(SEQUENCE, &parts.concat())
    }

    #[test]
    fn keys_of_every_form_tell_their_kind_and_size() {
        let rsa = numbers(0, &[256, 3, 256, 128, 128, 128, 128, 128]);
        assert_eq!(what(&rsa), Some(("RSA, 2048 bits".to_owned(), false)));
        assert_eq!(what(&numbers(0, &[128, 20, 128, 128, 20])), Some(("DSA, 1024 bits".to_owned(), false)));
        assert_eq!(what(&pkcs8(&[object("RSA")], &rsa)), Some(("RSA, 2048 bits".to_owned(), false)));
        assert_eq!(what(&pkcs8(&[object("EC"), object("P-384")], &[7; 48])), Some(("EC, P-384".to_owned(), false)));
        assert_eq!(what(&pkcs8(&[object("Ed25519")], &[7; 34])), Some(("Ed25519".to_owned(), false)));
        let sec1 = [tlv(INTEGER, &[1]), tlv(OCTETS, &[7; 32]), tlv(0xa0, &object("P-256"))].concat();
        assert_eq!(what(&tlv(SEQUENCE, &sec1)), Some(("EC, P-256".to_owned(), false)));
        let locked = [tlv(SEQUENCE, &object("PBES2")), tlv(OCTETS, &[7; 80])].concat();
        assert_eq!(what(&tlv(SEQUENCE, &locked)), Some(("PKCS#8".to_owned(), true)));
    }

    #[test]
    fn openssh_keys_tell_kind_size_and_lock() {
        let text = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat();
        let number = text(&[&[0, 0x80][..], &[7; 383]].concat());
        let rsa = text(&[text(b"ssh-rsa"), text(&[1, 0, 1]), number].concat());
        for (cipher, locked) in [(&b"none"[..], false), (b"aes256-ctr", true)] {
            let key = [text(cipher), text(b"bcrypt"), text(b""), vec![0, 0, 0, 1], rsa.clone()].concat();
            assert_eq!(openssh(&key), Some(Key { what: "RSA, 3072 bits".to_owned(), locked }));
            for cut in 0..key.len() {
                assert!(cut == 0 || openssh(&key[..cut]).is_none(), "{cut}");
            }
        }
    }

    #[test]
    fn what_is_broken_is_not_framed() {
        let rsa = numbers(0, &[256, 3, 256, 128, 128, 128, 128, 128]);
        for cut in 0..rsa.len() {
            assert!(!is_framed(&rsa[..cut]));
        }
        assert!(!is_framed(&[rsa, vec![0]].concat()), "bytes behind it");
        assert!(!is_framed(&[SEQUENCE, 0x84, 0xff, 0xff, 0xff, 0xff]));
        let changed = tlv(SEQUENCE, &[7; 48]);
        assert!(!is_framed(&changed) && is_wrapped(&changed), "its elements do not fill it");
        assert!(!is_wrapped(&changed[..40]) && !is_wrapped(&[]));
        assert!(!is_framed(&tlv(SEQUENCE, &tlv(INTEGER, &[0]))), "a version and nothing else");
    }
}
