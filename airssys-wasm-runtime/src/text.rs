//! Texts that guests hand over, cut to their bounds.

/// Cuts `text` to at most `max` bytes, at a character boundary; whether anything was cut off.
pub(crate) fn cut(text: &mut String, max: usize) -> bool {
    if text.len() <= max {
        return false;
    }
    text.truncate(text.floor_char_boundary(max));
    true
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
}
