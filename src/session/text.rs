//! Which words may be sent: something is seen of them, on one line, and nothing of them reaches beyond it.

use icu_properties::props::{
    BidiClass, BidiControl, DefaultIgnorableCodePoint, ExtendedPictographic, GeneralCategory as Category,
    PrependedConcatenationMark, WhiteSpace,
};
use icu_properties::{CodePointMapData, CodePointSetData};

use super::MESSAGE_CHARS_MAX;

/// Marks above or below one letter: Vietnamese needs two, Hebrew with all its points four.
pub const MARKS_MAX: usize = 4;
/// Characters after one letter of which nothing is seen by itself: the flag of Wales has six after its first.
pub const JOINED_MAX: usize = 8;

/// Symbols and letters by their properties of which nothing is seen: braille without a dot, what stands for an object, a note
/// without a head, and two hieroglyphs that are a gap.
const BLANKS: [char; 5] = ['\u{2800}', '\u{fffc}', '\u{1d159}', '\u{13441}', '\u{13442}'];

/// What is wrong with words, for who wrote them; they are counted in code points, without the blanks around them.
pub fn fault_of(text: &str) -> Option<String> {
    let category = CodePointMapData::<Category>::new();
    let chars = text.chars().count();
    if chars == 0 || chars > MESSAGE_CHARS_MAX || text.chars().any(|char| breaks(category.get(char))) {
        return Some(format!("A message has 1 to {MESSAGE_CHARS_MAX} characters on one line."));
    }
    if text.chars().any(|char| is_nothing(char, category.get(char))) {
        return Some("A message cannot have characters that Unicode does not know.".to_owned());
    }
    if text.chars().any(turns_around) {
        return Some("A message cannot change the direction of writing by hidden characters.".to_owned());
    }
    if !text.chars().any(|char| is_seen(char, category.get(char))) {
        return Some("Nothing is seen of that message.".to_owned());
    }
    let starts = text.chars().find(|char| !is_hidden(*char, category.get(*char)));
    if starts.is_some_and(|char| is_mark(category.get(char))) {
        return Some("A message begins with a letter, not with a mark on one.".to_owned());
    }
    let (mut marks, mut joined) = (0, 0);
    for char in text.chars() {
        if is_hidden(char, category.get(char)) {
            joined += 1;
        } else if is_mark(category.get(char)) {
            marks += 1;
        } else {
            (marks, joined) = (0, 0);
        }
        if marks > MARKS_MAX || joined > JOINED_MAX {
            return Some(format!("A letter has at most {MARKS_MAX} marks."));
        }
    }
    None
}

fn breaks(category: Category) -> bool {
    matches!(
        category,
        Category::Control | Category::LineSeparator | Category::ParagraphSeparator | Category::PrivateUse
    )
}

/// What has no meaning to anybody; pictures that are to be emoji one day have one, since browsers may know more of them.
fn is_nothing(char: char, category: Category) -> bool {
    category == Category::Unassigned && !CodePointSetData::new::<ExtendedPictographic>().contains(char)
}

/// Embeddings, overrides and isolates reach to the end of the line; the three marks stand for a letter only.
fn turns_around(char: char) -> bool {
    let is_mark = |class| {
        class == BidiClass::LeftToRight || class == BidiClass::RightToLeft || class == BidiClass::ArabicLetter
    };
    CodePointSetData::new::<BidiControl>().contains(char)
        && !is_mark(CodePointMapData::<BidiClass>::new().get(char))
}

fn is_mark(category: Category) -> bool {
    matches!(category, Category::NonspacingMark | Category::SpacingMark | Category::EnclosingMark)
}

fn is_hidden(char: char, category: Category) -> bool {
    // Those that stand before a number, as the Arabic number sign does, are seen.
    let is_format =
        category == Category::Format && !CodePointSetData::new::<PrependedConcatenationMark>().contains(char);
    is_format || CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(char)
}

fn is_seen(char: char, category: Category) -> bool {
    !is_hidden(char, category)
        && !is_mark(category)
        && !CodePointSetData::new::<WhiteSpace>().contains(char)
        && !BLANKS.contains(&char)
}
