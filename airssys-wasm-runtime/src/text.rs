//! Texts that guests hand over, cut to their bounds.

/// Cuts `text` to at most `max` bytes, at a character boundary; whether anything was cut off.
///
/// What was cut off is given back as well: the text may be kept for long, and its bound is on what the host holds.
pub(crate) fn cut(text: &mut String, max: usize) -> bool {
    if text.len() <= max {
        return false;
    }
    text.truncate(text.floor_char_boundary(max));
    text.shrink_to_fit();
    true
}

/// The beginning of `text`, of at most `max` bytes, cut at a character boundary.
pub(crate) fn head(text: &str, max: usize) -> &str {
    text.get(..text.floor_char_boundary(max)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_a_character() {
        let mut text = "aä€".to_owned();
        assert!(!cut(&mut text, 6));
        assert!(cut(&mut text, 5));
        assert_eq!(text, "aä");
        assert!(cut(&mut text, 2));
        assert_eq!(text, "a");
        assert!(cut(&mut text, 0));
        assert_eq!(text, "");
    }

    #[test]
    fn what_is_cut_off_is_not_held() {
        let mut text = "x".repeat(1 << 20);
        assert!(cut(&mut text, 4_096));
        assert!(text.capacity() < 2 * 4_096, "{} bytes are held", text.capacity());
    }

    #[test]
    fn a_head_ends_at_a_character() {
        for (max, expected) in [(0, ""), (1, "a"), (2, "a"), (3, "aä"), (9, "aä€")] {
            assert_eq!(head("aä€", max), expected);
        }
    }
}
