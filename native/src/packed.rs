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
