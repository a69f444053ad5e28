//! Structures that prove themselves: JSON web tokens, base64 JSON, PEM blocks. Decodes, never trusts a length.

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, general_purpose};

use super::checksum::Verdict;
use super::keys::{self, Key};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// A JSON object in base64, of either alphabet, with or without padding.
fn object(text: &[u8]) -> Option<serde_json::Map<String, serde_json::Value>> {
    let bytes = URL.decode(text).or_else(|_| STANDARD.decode(text)).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// RFC 7519 and RFC 7515: header and claims are base64url JSON objects, the header names its algorithm.
pub(super) fn jwt(secret: &[u8]) -> Verdict {
    let mut parts = secret.split(|b| *b == b'.');
    let (Some(header), Some(claims), Some(signature)) = (parts.next(), parts.next(), parts.next()) else {
        return Verdict::Fails("it has not the three parts of a JSON web token");
    };
    let Some(algorithm) = object(header).and_then(|header| Some(header.get("alg")?.as_str()?.to_owned())) else {
        return Verdict::Fails("its header is not that of a JSON web token");
    };
    if object(claims).is_none() {
        return Verdict::Fails("its claims are not a JSON object");
    }
    if signature.is_empty() || algorithm.eq_ignore_ascii_case("none") {
        return Verdict::Fails("it is a JSON web token without a signature");
    }
    Verdict::Holds("it is a well-formed JSON web token")
}

pub(super) fn fix_jwt(secret: &mut Vec<u8>) {
    let mut parts = secret.split(|b| *b == b'.');
    let (header, claims) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let signature = secret.rsplit(|b| *b == b'.').next().unwrap_or_default();
    let named = object(header).is_some_and(|header| header.contains_key("alg"));
    let plain = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#).into_bytes();
    let header = if named { header.to_vec() } else { plain };
    *secret = [&header, &completed(claims)[..], signature].join(&b'.');
}

/// Base64 of a JSON object that begins like `claims` and is as long, as far as both can be.
fn completed(claims: &[u8]) -> Vec<u8> {
    let whole = claims.get(..claims.len() / 4 * 4).unwrap_or_default();
    let bytes = URL.decode(whole).or_else(|_| STANDARD.decode(whole)).unwrap_or_default();
    let printable = bytes.iter().take_while(|b| (b' '..=b'~').contains(*b)).count();
    let filler = |room: usize| claims.iter().filter(|b| b.is_ascii_alphanumeric()).cycle().take(room);
    let wanted = claims.len() * 3 / 4;
    for cut in (1..=printable).rev() {
        for link in [&br#","k":""#[..], br#""k":""#, br#":""#, br#"":""#, b""] {
            let Some(room) = wanted.checked_sub(cut + link.len() + 2) else { continue };
            let mut text = bytes.get(..cut).unwrap_or_default().to_vec();
            text.extend_from_slice(link);
            text.extend(filler(room));
            text.extend_from_slice(br#""}"#);
            if serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&text).is_ok() {
                return URL_SAFE_NO_PAD.encode(text).into_bytes();
            }
        }
    }
    URL_SAFE_NO_PAD.encode(r#"{"sub":"1"}"#).into_bytes()
}

/// Where base64 JSON may start: at the beginning, after a separator of the prefix, or where `{"` shows as `ey`.
fn json_starts(secret: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let separators = secret.iter().enumerate().filter(|(_, b)| matches!(b, b'_' | b'.' | b'-' | b'|' | b':'));
    let marker = memchr::memmem::find(secret, b"ey");
    marker.into_iter().chain([0]).chain(separators.map(|(at, _)| at + 1).take(8))
}

/// The part after the prefix is a JSON object in base64, such as 1Password's `ops_` and Grafana's `glc_` tokens.
pub(super) fn base64_json(secret: &[u8]) -> Verdict {
    if json_starts(secret).any(|at| secret.get(at..).and_then(object).is_some()) {
        Verdict::Holds("it holds the JSON that such tokens hold")
    } else {
        Verdict::Fails("it does not hold the JSON that such tokens hold")
    }
}

pub(super) fn fix_base64_json(secret: &mut Vec<u8>) {
    let start = memchr::memmem::find(secret, b"ey").or_else(|| memchr::memchr(b'_', secret).map(|at| at + 1));
    let start = start.unwrap_or_default();
    let padding = secret.iter().rev().take_while(|b| **b == b'=').count();
    let Some(body) = secret.get(start..secret.len().saturating_sub(padding)) else { return };
    let body = completed(body);
    secret.truncate(start);
    secret.extend_from_slice(&body);
    secret.extend(std::iter::repeat_n(b'=', padding));
}

/// The label of a PEM block and what lies between its lines (all of it when the lines are not part of the secret).
fn pem_parts(secret: &[u8]) -> (&[u8], &[u8]) {
    const BEGIN: &[u8] = b"-----BEGIN ";
    let Some(label_at) = memchr::memmem::find(secret, BEGIN).map(|at| at + BEGIN.len()) else {
        return (b"", secret);
    };
    let after = secret.get(label_at..).unwrap_or_default();
    let Some(close) = memchr::memmem::find(after, b"-----") else { return (b"", secret) };
    let label = after.get(..close).unwrap_or_default();
    let body = after.get(close + 5..).unwrap_or_default();
    let end = memchr::memmem::find(body, b"-----END").unwrap_or(body.len());
    (label, body.get(..end).unwrap_or_default())
}

/// The base64 of a PEM body: without header lines, line ends (written out as `\n` too), quotes and commas.
fn pem_base64(body: &[u8]) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(body.len());
    let mut encrypted = false;
    let unescaped = replace(&replace(body, b"\\r", b""), b"\\n", b"\n");
    for line in unescaped.split(|b| *b == b'\n') {
        if memchr::memchr(b':', line).is_some() {
            encrypted |= memchr::memmem::find(line, b"ENCRYPTED").is_some();
            continue;
        }
        // An armor checksum (RFC 4880) stands on a line of its own.
        let line = line.trim_ascii();
        if line.first() == Some(&b'=') {
            continue;
        }
        out.extend(line.iter().filter(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')));
    }
    (out, encrypted)
}

fn replace(text: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    for found in memchr::memmem::find_iter(text, from) {
        out.extend_from_slice(text.get(at..found).unwrap_or_default());
        out.extend_from_slice(to);
        at = found + from.len();
    }
    out.extend_from_slice(text.get(at..).unwrap_or_default());
    out
}

const OPENSSH: &[u8] = b"openssh-key-v1\0";

/// RFC 7468: base64 of DER, which is a SEQUENCE as long as its length says; PROTOCOL.key of OpenSSH: a magic word;
/// RFC 4880: the first byte of an OpenPGP packet has its high bit set.
pub(super) fn pem(secret: &[u8]) -> Verdict {
    let (label, body) = pem_parts(secret);
    let (text, encrypted) = pem_base64(body);
    let Ok(bytes) = STANDARD.decode(&text) else {
        return Verdict::Fails("its content is not base64");
    };
    if bytes.len() < 16 {
        return Verdict::Fails("it is too short to be a key");
    }
    if encrypted {
        return Verdict::Unknown(LOCKED);
    }
    if label.starts_with(b"PGP") {
        let packet = bytes.first().is_some_and(|b| b & 0x80 != 0);
        return if packet {
            Verdict::Holds("it is an OpenPGP packet")
        } else {
            Verdict::Fails("its content is not an OpenPGP packet")
        };
    }
    match key(&bytes) {
        Some(Key { locked: true, .. }) => Verdict::Unknown(LOCKED),
        Some(_) => Verdict::Holds("it reads as a key"),
        None if bytes.starts_with(OPENSSH) || keys::is_framed(&bytes) => {
            Verdict::Holds("its content is framed as keys are")
        }
        // A length that fits to the byte is no accident: somebody changed a real key, or it is of a rare kind.
        None if keys::is_wrapped(&bytes) => {
            Verdict::Unknown("its frame is that of a key, its content does not read as one")
        }
        None => Verdict::Fails("its content is not framed as keys are"),
    }
}

/// What a key that a passphrase locks is: worth less, but it can be guessed at in peace.
pub(super) const LOCKED: &str = "the key is encrypted with a passphrase";

fn key(bytes: &[u8]) -> Option<Key> {
    bytes.strip_prefix(OPENSSH).map_or_else(|| keys::der(bytes), keys::openssh)
}

/// A key's kind and size, where it tells.
pub(super) fn pem_note(secret: &[u8]) -> Option<String> {
    let bytes = STANDARD.decode(pem_base64(pem_parts(secret).1).0).ok()?;
    Some(format!("private key: {}", key(&bytes)?.what))
}

/// A web token's algorithm and, in seconds since 1970, when it was issued and expires. Whether it has expired depends on
/// the day, and a report does not.
pub(super) fn jwt_note(secret: &[u8]) -> Option<String> {
    let mut parts = secret.split(|b| *b == b'.');
    let (header, claims) = (object(parts.next()?)?, object(parts.next()?)?);
    // Only names of algorithms: what else stands there may be anybody's text.
    const ALGORITHMS: [&str; 14] = [
        "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "ES256K", "PS256", "PS384",
        "PS512", "EdDSA",
    ];
    let named = header.get("alg")?.as_str()?;
    let algorithm = ALGORITHMS.into_iter().find(|known| *known == named).unwrap_or("an algorithm of its own");
    let at = |claim: &str, word: &str| {
        let seconds = claims.get(claim).and_then(serde_json::Value::as_f64)?;
        let date = i64::try_from(seconds as u64).ok().and_then(|at| jiff::Timestamp::from_second(at).ok())?;
        Some(format!(", {word} {date}"))
    };
    let (issued, expires) = (at("iat", "issued"), at("exp", "expires").unwrap_or(", never expires".to_owned()));
    Some(format!("web token: signed by {algorithm}{}{expires}", issued.unwrap_or_default()))
}

pub(super) fn fix_pem(secret: &mut [u8]) {
    let (label, body) = pem_parts(secret);
    let (text, _) = pem_base64(body);
    let Ok(mut bytes) = STANDARD.decode(text.get(..text.len() / 4 * 4).unwrap_or_default()) else { return };
    if key(&bytes).is_some() {
        return;
    }
    let head: Vec<u8> = if label.starts_with(b"OPENSSH") {
        OPENSSH.to_vec()
    } else if label.starts_with(b"PGP") {
        vec![0x95]
    } else {
        match (bytes.len().checked_sub(4).map(u16::try_from), bytes.len().checked_sub(2).map(u8::try_from)) {
            // A version, then one number that fills the rest.
            (_, Some(Ok(length))) if (8..0x80).contains(&length) => vec![0x30, length, 2, 1, 0, 2, length - 5],
            (Some(Ok(length)), _) if length >= 8 => {
                let inner: u16 = length - 7;
                [vec![0x30, 0x82], length.to_be_bytes().to_vec(), vec![2, 1, 0, 2, 0x82], inner.to_be_bytes().to_vec()]
                    .concat()
            }
            _ => return,
        }
    };
    for (slot, byte) in bytes.iter_mut().zip(head) {
        *slot = byte;
    }
    // Written back over the old characters, so that line breaks and quotes stay as they are.
    let mut fresh = general_purpose::STANDARD.encode(bytes).into_bytes().into_iter();
    let (from, length) = (offset(secret, body), body.len());
    let mut escaped = false;
    for slot in secret.iter_mut().skip(from).take(length) {
        let held = std::mem::replace(&mut escaped, *slot == b'\\');
        if !held
            && (slot.is_ascii_alphanumeric() || matches!(slot, b'+' | b'/'))
            && let Some(byte) = fresh.next()
        {
            *slot = byte;
        }
    }
}

/// Where `part`, a slice of `whole`, begins.
fn offset(whole: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_web_token_tells_its_algorithm_and_its_days() {
        let token = |header: &str, claims: &str| {
            format!("{}.{}.c2ln", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims))
        };
        let note = |header: &str, claims: &str| jwt_note(token(header, claims).as_bytes());
        assert_eq!(
            note(r#"{"alg":"RS256"}"#, r#"{"iat":1500000000,"exp":1500003600}"#).as_deref(),
            Some("web token: signed by RS256, issued 2017-07-14T02:40:00Z, expires 2017-07-14T03:40:00Z")
        );
        assert_eq!(
            note(r#"{"alg":"my own"}"#, r#"{"exp":"soon"}"#).as_deref(),
            Some("web token: signed by an algorithm of its own, never expires")
        );
        assert!(note(r#"{"alg":"RS256"}"#, r#"{"exp":1e300}"#).is_some(), "no day there is");
    }

    #[test]
    fn an_unsigned_web_token_fails() {
        let header = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
        let claims = URL_SAFE_NO_PAD.encode(r#"{"sub":"1"}"#);
        assert!(matches!(jwt(format!("{header}.{claims}.").as_bytes()), Verdict::Fails(_)));
        assert!(matches!(jwt(format!("{header}.{claims}.abc").as_bytes()), Verdict::Fails(_)));
    }

    #[test]
    fn a_key_written_on_one_line_with_escapes_is_read() {
        let der = [&[0x30, 0x30, 2, 1, 0, 4, 0x2b][..], &[7; 0x2b]].concat();
        let text = general_purpose::STANDARD.encode(der);
        let (a, b) = text.split_at(32);
        let block = format!("-----BEGIN EC PRIVATE KEY-----\\n{a}\\n{b}\\n-----END EC PRIVATE KEY-----\\n");
        assert!(matches!(pem(block.as_bytes()), Verdict::Holds(_)));
        let headed = block.replacen("\\n", "\\nProc-Type: 4,ENCRYPTED\\nDEK-Info: AES-128-CBC,00\\n\\n", 1);
        assert!(matches!(pem(headed.as_bytes()), Verdict::Unknown(_)));
    }
}
