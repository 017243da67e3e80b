//! Texts in MessagePack, which Python decodes many at a time.

const LIST: u8 = 0xdd;
const STRING: u8 = 0xdb;
const HEAD: usize = 5; // one of these bytes, then how many or how long in four

/// Begins a text, which the caller adds to `packed`; gives its start.
pub fn begin(packed: &mut Vec<u8>) -> usize {
    packed.extend_from_slice(&head(STRING, 0));
    packed.len()
}

/// Ends the text that began at `start`; gives it.
pub fn end(packed: &mut [u8], start: usize) -> &[u8] {
    let size = packed.len() - start;
    packed[start - HEAD..start].copy_from_slice(&head(STRING, size));
    &packed[start..]
}

pub fn list(texts: &[&[u8]]) -> Vec<u8> {
    let mut packed = head(LIST, texts.len()).to_vec();
    for text in texts {
        packed.extend_from_slice(&head(STRING, text.len()));
        packed.extend_from_slice(text);
    }
    packed
}

/// What `list` was made of.
pub fn listed(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    texts(list.get(HEAD..).unwrap_or(&[]))
}

/// The texts that were packed one after the other.
pub fn texts(packed: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = packed;
    std::iter::from_fn(move || {
        let size = rest.get(1..HEAD)?.try_into().map(u32::from_be_bytes).ok()? as usize;
        let text = rest.get(HEAD..HEAD + size)?;
        rest = &rest[HEAD + size..];
        Some(text)
    })
}

fn head(first: u8, size: usize) -> [u8; HEAD] {
    let [a, b, c, d] = (size as u32).to_be_bytes();
    [first, a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::{begin, end, list, listed, texts};

    #[test]
    fn what_is_packed_is_unpacked() {
        let said: [&[u8]; 3] = [b"one", b"", &[b'x'; 70_000]];
        let mut packed = Vec::new();
        for text in said {
            let start = begin(&mut packed);
            packed.extend_from_slice(text);
            assert_eq!(end(&mut packed, start), text);
        }
        assert!(texts(&packed).eq(said));
        assert!(listed(&list(&said)).eq(said));
        assert_eq!(list(&said)[5..], packed);
    }

    #[test]
    fn what_is_cut_off_ends_early() {
        let packed = list(&[b"one", b"two"]);
        for size in 0..packed.len() {
            assert!(listed(&packed[..size]).count() < 2);
        }
    }
}
