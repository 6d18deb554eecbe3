//! Characters on a page to lines, as a person would read them off.
//!
//! All distances are in heights of the font, since a file may be in any unit.

use hayro_font::kurbo::Affine;

use super::super::NoText;
use super::super::lines::Lines;
use super::content::Drawn;

/// A gap of this width is a space; a usual one is 0.25, and a justified line narrows it.
const SPACE: f64 = 0.1;

/// A gap of this width stands between cells.
const CELL: f64 = 1.0;

/// Base lines closer than this are one.
const SAME_BASE_LINE: f64 = 0.1;

/// A smaller font on a base line this near belongs to the line as superscript or subscript.
const RAISED_BY: f64 = 0.7;

/// A font below this part of the line's is a smaller one.
const SMALLER: f64 = 0.85;

/// The same character this near is drawn twice to look bold.
const DRAWN_TWICE: f64 = 0.12;

/// Characters that share more than this part of the narrower one cannot be told apart.
const ON_TOP: f64 = 0.45;

/// Most lines on a page.
const MOST_LINES: usize = 2_000;

struct Line {
    height: f64,
    size: f64,
    drawn: Vec<Drawn>,
}

/// The lines of a page, from top to bottom; text in another direction comes after that in the usual one.
///
/// # Errors
/// [`NoText::Illegible`] where different characters lie on top of each other, [`NoText::TooLarge`].
pub(super) fn lines(drawn: Vec<Drawn>) -> Result<String, NoText> {
    let mut directions: Vec<i16> = drawn.iter().map(|drawn| drawn.angle).collect();
    directions.sort_unstable_by_key(|angle| (angle.abs(), *angle));
    directions.dedup();
    let mut text = Lines::default();
    for angle in directions {
        let upright = Affine::rotate(-f64::from(angle).to_radians());
        let along = drawn.iter().filter(|drawn| drawn.angle == angle);
        let along = along.map(|drawn| Drawn {
            start: upright * drawn.start,
            end: upright * drawn.end,
            ..drawn.clone()
        });
        for line in gather(along.collect())? {
            write(line, &mut text)?;
        }
    }
    text.end_line();
    Ok(text.into_text())
}

/// Puts characters into lines by their base lines.
fn gather(mut drawn: Vec<Drawn>) -> Result<Vec<Line>, NoText> {
    drawn.sort_by(|a, b| b.start.y.total_cmp(&a.start.y));
    let mut base_lines: Vec<Line> = Vec::new();
    for drawn in drawn {
        match base_lines.last_mut() {
            Some(line)
                if line.height - drawn.start.y < SAME_BASE_LINE * line.size.min(drawn.size) =>
            {
                line.size = line.size.max(drawn.size);
                line.drawn.push(drawn);
            }
            _ => {
                if base_lines.len() == MOST_LINES {
                    return Err(NoText::TooLarge);
                }
                base_lines.push(Line {
                    height: drawn.start.y,
                    size: drawn.size,
                    drawn: vec![drawn],
                });
            }
        }
    }
    // What is small joins what is large, never the other way round.
    base_lines.sort_by(|a, b| b.size.total_cmp(&a.size));
    let mut lines: Vec<Line> = Vec::new();
    for base_line in base_lines {
        let away = |line: &Line| (line.height - base_line.height).abs();
        let nearest = lines.iter_mut().min_by(|a, b| away(a).total_cmp(&away(b)));
        match nearest {
            Some(line) if belongs(line, &base_line) => line.drawn.extend(base_line.drawn),
            _ => lines.push(base_line),
        }
    }
    lines.sort_by(|a, b| b.height.total_cmp(&a.height));
    Ok(lines)
}

fn belongs(line: &Line, base_line: &Line) -> bool {
    let reach = if base_line.size < SMALLER * line.size {
        RAISED_BY
    } else {
        2.0 * SAME_BASE_LINE
    };
    (line.height - base_line.height).abs() < reach * line.size
}

fn write(mut line: Line, text: &mut Lines) -> Result<(), NoText> {
    text.end_line();
    line.drawn.sort_by(|a, b| a.start.x.total_cmp(&b.start.x));
    let mut last: Option<&Drawn> = None;
    let mut spaced = false;
    for drawn in &line.drawn {
        if drawn.text.trim().is_empty() {
            spaced = true;
            continue;
        }
        if let Some(last) = last {
            let size = last.size.min(drawn.size);
            if drawn.text == last.text && drawn.start.x - last.start.x < DRAWN_TWICE * size {
                continue;
            }
            let gap = drawn.start.x - last.end.x;
            let narrower = (last.end.x - last.start.x).min(drawn.end.x - drawn.start.x);
            if gap < -ON_TOP * narrower {
                return Err(NoText::Illegible);
            }
            if gap > CELL * size {
                text.next_cell();
            } else if spaced || gap > SPACE * size {
                text.space();
            }
        }
        let off_base_line = (drawn.start.y - line.height).abs() > SAME_BASE_LINE * line.size;
        text.set_raised(off_base_line || drawn.size < SMALLER * line.size);
        drawn
            .text
            .chars()
            .for_each(|character| text.push(character));
        last = Some(drawn);
        spaced = false;
    }
    text.set_raised(false);
    Ok(())
}
