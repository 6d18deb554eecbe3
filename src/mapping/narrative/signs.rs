//! What a sign or the name of a test belongs to, told from what stands around it.

use super::reader::{Context, is_value};
use super::tagged::Token;
use super::vocabulary::Tag;

/// Tells signs that are results from dashes and from plus signs that may be scores.
pub(super) fn signs(tokens: &mut [Token]) {
    let tag = |tokens: &[Token], at: usize| tokens.get(at).map(|token| token.tag);
    let is_marker = |tag: Option<Tag>| matches!(tag, Some(Tag::Her2 | Tag::Other | Tag::OtherGene));
    for at in 0..tokens.len() {
        let Some(sign) = tokens.get(at).cloned() else {
            continue;
        };
        let Some(before) = at.checked_sub(1) else {
            continue;
        };
        let previous = tokens.get(before).cloned();
        let next = tokens.get(at + 1).cloned();
        let is_glued = previous
            .as_ref()
            .is_some_and(|token| token.end == sign.start);
        let is_free = next.as_ref().is_none_or(|token| token.start > sign.end);
        let by_test = next.as_ref().is_some_and(|token| token.tag == Tag::Link)
            && matches!(tag(tokens, at + 2), Some(Tag::Ish | Tag::Ihc));
        let ends = by_test
            || matches!(
                next.as_ref().map(|token| token.tag),
                None | Some(
                    Tag::Comma | Tag::Close | Tag::Newline | Tag::Slash | Tag::And | Tag::Tab
                )
            );
        let in_parentheses = previous.as_ref().map(|token| token.tag) == Some(Tag::Open)
            && next.as_ref().map(|token| token.tag) == Some(Tag::Close);
        match sign.tag {
            Tag::Dash if in_parentheses => set(tokens, at, Tag::Minus),
            Tag::Dash if is_marker(tag(tokens, before)) => {
                let is_value_next = next
                    .as_ref()
                    .is_some_and(|token| is_value(token.tag) || matches!(token.tag, Tag::Ticked));
                if ends || (is_glued && is_free && !is_value_next) {
                    set(tokens, at, Tag::Minus);
                }
            }
            _ => {}
        }
    }
    let is_other = |token: &Token| matches!(token.tag, Tag::Other | Tag::OtherGene);
    let is_sign = |token: &Token| matches!(token.tag, Tag::Plus | Tag::Minus);
    let lone_signs = tokens.windows(3).any(|three| match three {
        [marker, between, sign] => {
            let is_between = matches!(
                between.tag,
                Tag::Open | Tag::Close | Tag::Colon | Tag::Equals
            );
            is_other(marker) && (is_sign(between) || is_between && is_sign(sign))
        }
        _ => false,
    });
    let names_ish = tokens.iter().any(|token| token.tag == Tag::Ish);
    for at in 0..tokens.len() {
        if tag(tokens, at) != Some(Tag::Plus) {
            continue;
        }
        let Some(before) = at.checked_sub(1) else {
            set(tokens, at, Tag::Unknown);
            continue;
        };
        let is_spaced_name = tag(tokens, before) == Some(Tag::Her2Spaced);
        let of_other = matches!(tag(tokens, before), Some(Tag::Other | Tag::OtherGene));
        // Beside the score itself it is the word for it: "HER2+ Score 3+", "HER2+ (3+)".
        let is_score = |at: usize| matches!(tag(tokens, at), Some(Tag::Score | Tag::ScoreWord));
        let names_score = tag(tokens, before) == Some(Tag::Her2)
            && (is_score(at + 1) || (tag(tokens, at + 1) == Some(Tag::Open) && is_score(at + 2)));
        // One plus may be a positive result or the score 1+: a sign beside another marker, or a test without scores, tells.
        if is_spaced_name || !(of_other || lone_signs || names_ish || names_score) {
            set(tokens, at, Tag::Unknown);
        }
    }
    for token in tokens {
        if token.tag == Tag::Her2Spaced {
            token.tag = Tag::Her2;
        }
    }
}

fn set(tokens: &mut [Token], at: usize, tag: Tag) {
    if let Some(token) = tokens.get_mut(at) {
        token.tag = tag;
    }
}

/// Marks tests that belong to a HER2 named before, and follows which breast is spoken of.
pub(super) fn contexts(tokens: &mut [Token], context: &mut Context) {
    let has = |tags: &[Tag]| tokens.iter().any(|token| tags.contains(&token.tag));
    // A sentence that names no other marker speaks of HER2 from its begin.
    if has(&[Tag::Her2]) && !has(&[Tag::Other, Tag::OtherGene]) {
        context.ihc = true;
        context.ish = true;
    }
    // "ALK FISH" and "pylori immunostain" are tests of something else.
    let mut before = Tag::Newline;
    for token in tokens {
        let is_own = before != Tag::Unknown;
        before = token.tag;
        match token.tag {
            Tag::Her2 | Tag::Her2Category => {
                context.ihc = true;
                context.ish = true;
            }
            Tag::Other => context.ihc = false,
            Tag::OtherGene => {
                context.ihc = false;
                context.ish = false;
            }
            Tag::Ihc if context.ihc && is_own => token.tag = Tag::IhcOfHer2,
            Tag::Ish if context.ish && is_own => token.tag = Tag::IshOfHer2,
            _ => {}
        }
    }
}
