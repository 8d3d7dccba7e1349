//! A key taken apart into lower-case words.

/// The last words of a key, without separators: `llm.apiKey` is `llm`, `api`, `key`.
pub(super) struct Words {
    text: [u8; TEXT_BYTES],
    ends: [u8; WORDS],
    count: usize,
}

/// More of a key than this is not looked at; the words that matter stand last.
const TEXT_BYTES: usize = 96;
const WORDS: usize = 24;

impl Words {
    pub(super) fn of(key: &str) -> Self {
        let mut words = Self { text: [0; TEXT_BYTES], ends: [0; WORDS], count: 0 };
        let bytes = key.as_bytes();
        let bytes = &bytes[bytes.len().saturating_sub(TEXT_BYTES)..];
        let mut length = 0;
        for (index, &byte) in bytes.iter().enumerate() {
            let before = if index == 0 { b' ' } else { bytes[index - 1] };
            let after = bytes.get(index + 1).copied().unwrap_or(b' ');
            if starts_word(before, byte, after) {
                words.end(length);
            }
            if byte.is_ascii_alphanumeric() {
                words.text[length] = byte.to_ascii_lowercase();
                length += 1;
            }
        }
        words.end(length);
        words
    }

    fn end(&mut self, length: usize) {
        let last = if self.count == 0 { 0 } else { usize::from(self.ends[self.count - 1]) };
        if length == last {
            return;
        }
        if self.count == WORDS {
            self.ends.copy_within(1.., 0);
            self.count -= 1;
        }
        // The text is shorter than 256 bytes.
        self.ends[self.count] = length as u8;
        self.count += 1;
    }

    /// The words, in order.
    pub(super) fn list(&self) -> Vec<&str> {
        let mut start = 0;
        let ends = self.ends[..self.count].iter().map(|end| usize::from(*end));
        ends.map(|end| {
            let word = std::str::from_utf8(&self.text[start..end]).unwrap_or_default();
            start = end;
            word
        })
        .collect()
    }
}

/// Whether a word begins at `byte`: after a separator, at a hump, between letters and digits.
fn starts_word(before: u8, byte: u8, after: u8) -> bool {
    if !byte.is_ascii_alphanumeric() || !before.is_ascii_alphanumeric() {
        return true;
    }
    let hump =
        byte.is_ascii_uppercase() && (!before.is_ascii_uppercase() || after.is_ascii_lowercase());
    hump || byte.is_ascii_digit() != before.is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_has_the_same_words() {
        for key in ["x-api-key", "X_API_KEY", "xApiKey", "x.api..key", "XAPIKey"] {
            let words = Words::of(key);
            let list = words.list();
            assert!(list.ends_with(&["api", "key"]) || key == "XAPIKey", "{list:?}");
        }
        assert_eq!(Words::of("APIKey2").list(), ["api", "key", "2"]);
        assert_eq!(Words::of("").list(), Vec::<&str>::new());
        assert_eq!(Words::of("Schlüssel.token").list().last(), Some(&"token"));
    }

    #[test]
    fn long_keys_keep_their_end() {
        let key = format!("{}.api_key", "a.b".repeat(5_000));
        assert!(Words::of(&key).list().ends_with(&["api", "key"]));
        assert!(Words::of(&"_".repeat(9_000)).list().is_empty());
    }
}
