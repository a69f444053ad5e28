//! The `TREE` extension: for each directory of the index how many entries it has and, where git knows it, the tree
//! that they make. A commit takes those trees as they are, so they are to be believed as the entries are.

use super::ID;

/// One directory as the extension has it.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// Where its name lies in the extension, and how long it is.
    name: (u32, u32),
    /// How many entries it has; none where something changed below and git has yet to write its tree.
    count: Option<u32>,
    /// Where the tree's id lies.
    id: u32,
    /// The position after the last directory below it.
    end: u32,
}

/// All directories, each before those below it. Empty where the extension is missing or malformed, as git does.
#[derive(Debug, Default)]
pub(super) struct CacheTree(Vec<Known>);

impl CacheTree {
    pub(super) fn parse(data: &[u8]) -> Self {
        Self(nodes(data).unwrap_or_default())
    }

    /// The root, read from the bytes that were parsed.
    pub(super) fn root<'t>(&'t self, data: &'t [u8]) -> Option<Node<'t>> {
        (!self.0.is_empty()).then_some(Node { all: &self.0, data, at: 0 })
    }
}

fn nodes(data: &[u8]) -> Option<Vec<Known>> {
    let mut known: Vec<Known> = Vec::new();
    // Directories of which some below are still to come: (position, how many).
    let mut open: Vec<(usize, u32)> = Vec::new();
    let mut at = 0;
    loop {
        let name = data.get(at..)?;
        let length = memchr::memchr(0, name)?;
        let start = at;
        at += length + 1;
        let (count, below) = numbers(data, &mut at)?;
        let id = at;
        if count.is_some() {
            data.get(at..at + ID)?;
            at += ID;
        }
        let small = |value: usize| u32::try_from(value).ok();
        known.push(Known { name: (small(start)?, small(length)?), count, id: small(id)?, end: 0 });
        open.push((known.len() - 1, below));
        while let Some((position, below)) = open.last_mut() {
            if *below > 0 {
                *below -= 1;
                break;
            }
            let end = small(known.len())?;
            known.get_mut(*position)?.end = end;
            open.pop();
        }
        if open.is_empty() {
            return (at == data.len()).then_some(known);
        }
    }
}

/// "COUNT SUBTREES\n", the count negative where the directory's tree is not known.
fn numbers(data: &[u8], at: &mut usize) -> Option<(Option<u32>, u32)> {
    let line = data.get(*at..)?;
    let line = line.get(..memchr::memchr(b'\n', line.get(..line.len().min(32))?)?)?;
    *at += line.len() + 1;
    let (count, below) = std::str::from_utf8(line).ok()?.split_once(' ')?;
    let count: i64 = count.parse().ok()?;
    let count = if count < 0 { None } else { Some(u32::try_from(count).ok()?) };
    Some((count, below.parse().ok()?))
}

/// One directory, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Node<'t> {
    all: &'t [Known],
    data: &'t [u8],
    at: usize,
}

impl<'t> Node<'t> {
    /// How many entries of the index lie below it, and the raw id of the tree they make, if git knows it.
    pub fn tree(&self) -> Option<(usize, &'t [u8])> {
        let known = self.all.get(self.at)?;
        let id = known.id as usize;
        Some((known.count? as usize, self.data.get(id..id + ID)?))
    }

    /// The directories in it, by name, for [`Node::find`].
    pub fn children(&self) -> Vec<(&'t [u8], Node<'t>)> {
        let end = self.all.get(self.at).map_or(0, |known| known.end as usize);
        let mut children = Vec::new();
        let mut at = self.at + 1;
        while let Some(known) = self.all.get(at).filter(|_| at < end) {
            let (from, length) = (known.name.0 as usize, known.name.1 as usize);
            let name = self.data.get(from..from + length).unwrap_or_default();
            children.push((name, Node { at, ..*self }));
            at = (known.end as usize).max(at + 1);
        }
        // git sorts them by length first.
        children.sort_unstable_by_key(|(name, _)| *name);
        children
    }

    /// The one of this name.
    pub fn find(children: &[(&[u8], Node<'t>)], name: &[u8]) -> Option<Node<'t>> {
        let at = children.binary_search_by(|(known, _)| (*known).cmp(name)).ok()?;
        children.get(at).map(|(_, node)| *node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extension(parts: &[(&str, i64, u32)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (name, count, below) in parts {
            bytes.extend_from_slice(format!("{name}\0{count} {below}\n").as_bytes());
            if *count >= 0 {
                bytes.extend_from_slice(&[*count as u8; ID]);
            }
        }
        bytes
    }

    #[test]
    fn directories_are_found_below_their_own_parents() {
        let bytes = extension(&[("", -1, 3), ("b", 2, 1), ("x", 1, 0), ("c", -1, 0), ("aa", 3, 0)]);
        let tree = CacheTree::parse(&bytes);
        let root = tree.root(&bytes).unwrap();
        assert_eq!(root.tree(), None);
        let children = root.children();
        assert_eq!(children.iter().map(|(name, _)| *name).collect::<Vec<_>>(), [&b"aa"[..], b"b", b"c"]);
        let b = Node::find(&children, b"b").unwrap();
        assert_eq!(b.tree(), Some((2, &[2u8; ID][..])));
        let below = b.children();
        assert_eq!(Node::find(&below, b"x").unwrap().tree().unwrap().0, 1);
        assert!(Node::find(&below, b"aa").is_none() && Node::find(&children, b"x").is_none());
        assert!(Node::find(&children, b"c").unwrap().children().is_empty());
    }

    #[test]
    fn a_malformed_extension_is_none() {
        let good = extension(&[("", 3, 1), ("a", 1, 0)]);
        assert!(CacheTree::parse(&good).root(&good).is_some());
        for cut in 0..good.len() {
            assert!(CacheTree::parse(&good[..cut]).root(&good[..cut]).is_none(), "cut at {cut}");
        }
        for bad in
            [extension(&[("", 3, 0), ("a", 1, 0)]), extension(&[("", 3, u32::MAX), ("a", 1, 0)]), b"\0x y\n".to_vec()]
        {
            assert!(CacheTree::parse(&bad).root(&bad).is_none());
        }
    }
}
