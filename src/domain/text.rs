//! Foreign text made safe to show.

/// `text` with control characters escaped and its length capped at `max_chars`, so that a name chosen by
/// a stranger can neither move a terminal's cursor nor forge a log line nor fill a disk.
pub fn printable(text: &str, max_chars: usize) -> String {
    let mut shown = String::new();
    for (count, character) in text.chars().enumerate() {
        if count == max_chars {
            shown.push('…');
            break;
        }
        if character.is_control() || is_direction_or_zero_width(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Characters that are no control characters but change how the text around them is shown, or are not shown at all:
/// marks of direction, separators of lines, fillers, tags and what has no width.
fn is_direction_or_zero_width(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn escapes_are_shown_and_not_obeyed() {
        assert_eq!(printable("a\u{1b}[2Jb\nc", 80), "a\\u{1b}[2Jb\\u{a}c");
        assert_eq!(printable("\u{202e}evil", 80), "\\u{202e}evil");
        let unseen =
            "\u{0}\u{7f}\u{85}\u{9b}\u{ad}\u{61c}\u{200b}\u{200f}\u{2028}\u{2029}\u{2066}\u{2069}\u{feff}\u{e0041}";
        for character in unseen.chars() {
            assert_eq!(printable(&character.to_string(), 1), character.escape_unicode().to_string());
        }
        assert_eq!(printable("naïve — 测试 🤖", 80), "naïve — 测试 🤖");
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(printable("abcdef", 3), "abc…");
    }
}
