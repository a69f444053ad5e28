//! How many bytes of a value are of which class, counted in one walk.

/// A class of bytes; its number is its place in a [`Tally`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Class {
    Lower,
    Upper,
    Digit,
    /// White space.
    Blank,
    Dot,
    Dash,
    /// Underscores.
    Line,
    Slash,
    Bracket,
    /// Signs of templates.
    Template,
    Punctuation,
    Ascii,
    Hex,
    Base64,
    /// What names in code are made of.
    Name,
    /// Digits, and what people write between them.
    Number,
}

const CLASSES: usize = 16;
/// Bytes of a word of counters.
const HALF: usize = 8;

/// One counter of a byte each, eight in a word: both words of a byte are added to the sum at once.
static ADDED: [[u64; 2]; 256] = added();

/// Counts of at most 255 bytes.
pub(super) struct Tally([u8; CLASSES]);

impl Tally {
    /// Of the first 255 bytes.
    pub(super) fn of(value: &[u8]) -> Self {
        let mut sums = [0_u64; 2];
        for byte in value.iter().take(usize::from(u8::MAX)) {
            if let Some(added) = ADDED.get(usize::from(*byte)) {
                sums = [sums[0] + added[0], sums[1] + added[1]];
            }
        }
        let mut counts = [0; CLASSES];
        let bytes = sums.iter().flat_map(|sum| sum.to_le_bytes());
        counts.iter_mut().zip(bytes).for_each(|(slot, count)| *slot = count);
        Self(counts)
    }

    pub(super) fn of_class(&self, class: Class) -> usize {
        self.0.get(class as usize).copied().map_or(0, usize::from)
    }
}

const ALL: [Class; CLASSES] = {
    use Class::*;
    [
        Lower,
        Upper,
        Digit,
        Blank,
        Dot,
        Dash,
        Line,
        Slash,
        Bracket,
        Template,
        Punctuation,
        Ascii,
        Hex,
        Base64,
        Name,
        Number,
    ]
};

const fn is(byte: u8, class: Class) -> bool {
    match class {
        Class::Lower => byte.is_ascii_lowercase(),
        Class::Upper => byte.is_ascii_uppercase(),
        Class::Digit => byte.is_ascii_digit(),
        Class::Blank => byte.is_ascii_whitespace(),
        Class::Dot => byte == b'.',
        Class::Dash => byte == b'-',
        Class::Line => byte == b'_',
        Class::Slash => matches!(byte, b'/' | b'\\'),
        Class::Bracket => matches!(byte, b'(' | b')' | b'[' | b']' | b'{' | b'}' | b'<' | b'>'),
        Class::Template => matches!(byte, b'$' | b'%' | b'{' | b'}' | b'<' | b'>'),
        Class::Punctuation => matches!(byte, b'!' | b'@' | b'#' | b'^' | b'&' | b'*' | b'?' | b'~'),
        Class::Ascii => byte.is_ascii(),
        Class::Hex => byte.is_ascii_hexdigit(),
        Class::Base64 => byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_' | b'='),
        Class::Name => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b':' | b'$' | b'?' | b'!' | b'-'),
        Class::Number => byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+' | b':' | b'/' | b' ' | b','),
    }
}

#[allow(clippy::indexing_slicing, reason = "done by the compiler: what is out of bounds does not compile")]
const fn added() -> [[u64; 2]; 256] {
    let mut table = [[0; 2]; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut class = 0;
        while class < CLASSES {
            if is(byte as u8, ALL[class]) {
                table[byte][class / HALF] |= 1 << (8 * (class % HALF));
            }
            class += 1;
        }
        byte += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_is_counted_by_itself() {
        let tally = Tally::of(b"Ab9_. -/{$!z");
        for (class, many) in [
            (Class::Lower, 2),
            (Class::Upper, 1),
            (Class::Digit, 1),
            (Class::Blank, 1),
            (Class::Dot, 1),
            (Class::Dash, 1),
            (Class::Line, 1),
            (Class::Slash, 1),
            (Class::Bracket, 1),
            (Class::Template, 2),
            (Class::Punctuation, 1),
            (Class::Ascii, 12),
            (Class::Hex, 3),
            (Class::Base64, 7),
            (Class::Name, 9),
            (Class::Number, 5),
        ] {
            assert_eq!(tally.of_class(class), many, "{class:?}");
        }
        for byte in 0..=u8::MAX {
            let full = Tally::of(&[byte; 300]);
            for class in ALL {
                assert_eq!(full.of_class(class), if is(byte, class) { 255 } else { 0 }, "{byte} {class:?}");
            }
        }
        assert!(ALL.iter().enumerate().all(|(at, class)| *class as usize == at));
    }
}
