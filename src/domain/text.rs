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

/// Characters that are no control characters but change how the text around them is shown.
fn is_direction_or_zero_width(character: char) -> bool {
    matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn escapes_are_shown_and_not_obeyed() {
        assert_eq!(printable("a\u{1b}[2Jb\nc", 80), "a\\u{1b}[2Jb\\u{a}c");
        assert_eq!(printable("\u{202e}evil", 80), "\\u{202e}evil");
    }

    #[test]
    fn long_text_is_cut() {
        assert_eq!(printable("abcdef", 3), "abc…");
    }
}
