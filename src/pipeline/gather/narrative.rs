//! What the narrative of a report says: its conclusion, its text and what it has attached, taken together.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::{Gathering, Narrative, source_of_report};
use crate::fhir::attachment::{NoText, text_of, text_of_markup};
use crate::fhir::candidates::ReportNode;
use crate::fhir::elements::Reference;
use crate::fhir::json::Json;
use crate::her2::evidence::UnreadTest;
use crate::mapping::narrative::{Read, Reading, Said, contradict, passage};
use crate::mapping::normalise::Piece;
use crate::mapping::table::{Finding, ReportKind, Side, SiteMeaning};

/// One text of a report.
struct Text<'r> {
    path: String,
    text: Result<Cow<'r, str>, NoText>,
}

impl<'r> Gathering<'_, 'r> {
    /// Enters what the narrative of a report says of HER2.
    pub(super) fn narrative_of(&mut self, report: &'r ReportNode<'r>, kind: ReportKind) {
        let texts = self.texts_of(report);
        let about = self.test_of_report(report, kind);
        let mut readings: Vec<(usize, Reading)> = Vec::new();
        let mut unread: Vec<Piece> = Vec::new();
        let mut names_her2: Vec<&Text<'_>> = Vec::new();
        for (index, text) in texts.iter().enumerate() {
            match &text.text {
                Ok(words) => {
                    let read = self.rules.mapping.narrative.read(words, about);
                    unread.extend(unread_pieces(&text.path, words, &read));
                    if read.names_her2 || self.rules.mapping.words.names_her2(words) {
                        names_her2.push(text);
                    }
                    let new = (read.readings.into_iter()).filter(|new| {
                        !(readings.iter())
                            .any(|(_, known)| known.said == new.said && known.side == new.side)
                    });
                    readings.extend(new.map(|reading| (index, reading)).collect::<Vec<_>>());
                }
                Err(why) if is_to_be_read(*why, kind) => unread.push(Piece::UnreadNarrative {
                    test: UnreadTest::Either,
                    detail: format!("{}: {why}", text.path),
                    is_history: false,
                }),
                Err(_) => {}
            }
        }
        let is_silent = readings.is_empty() && unread.is_empty();
        let named: Vec<Narrative<'r>> = (names_her2.iter())
            .filter(|_| is_silent)
            .map(|text| self.unread_narrative(report, text))
            .collect();
        let sides: BTreeSet<Side> = readings
            .iter()
            .filter_map(|(_, reading)| reading.side)
            .collect();
        let groups: Vec<Option<Side>> = if sides.len() > 1 {
            sides.iter().copied().map(Some).chain([None]).collect()
        } else {
            vec![sides.first().copied()]
        };
        for side in groups {
            let of_side: Vec<&(usize, Reading)> = (readings.iter())
                .filter(|(_, reading)| sides.len() < 2 || reading.side == side)
                .collect();
            let pieces = self.pieces_of_side(report, &texts, &of_side);
            if !pieces.is_empty() {
                self.enter_of_report(report, pieces, side);
            }
        }
        if !unread.is_empty() {
            self.enter_of_report(report, unread, None);
        }
        self.narratives.extend(named);
    }

    /// What is said of one breast, or a question where it cannot all be true.
    fn pieces_of_side(
        &self,
        report: &ReportNode<'_>,
        texts: &[Text<'_>],
        readings: &[&(usize, Reading)],
    ) -> Vec<Piece> {
        let said: Vec<&Said> = readings.iter().map(|(_, reading)| &reading.said).collect();
        let path = |index: usize| texts.get(index).map_or("", |text| text.path.as_str());
        if contradict(&said) {
            let first = readings.first().map_or("", |(index, _)| path(*index));
            return vec![Piece::UnreadNarrative {
                test: UnreadTest::Either,
                detail: format!("{first}: the narrative states different results"),
                is_history: false,
            }];
        }
        // A report of several specimens that does not say of which it speaks adds nothing to a test that is coded in it.
        let is_of_several = report.specimens.len() > 1;
        let is_coded = |is_about: fn(&Piece) -> bool| {
            (self.items.iter())
                .filter(|item| item.reports.contains(report.key))
                .any(|item| item.pieces.iter().any(is_about))
        };
        let without_ihc = is_of_several && is_coded(Piece::is_about_ihc);
        let without_ish = is_of_several && is_coded(Piece::is_about_ish);
        (readings.iter())
            .filter_map(|(index, reading)| {
                let piece = reading.said.piece();
                let is_left_out =
                    (without_ihc && !piece.is_about_ish()) || (without_ish && piece.is_about_ish());
                if is_left_out {
                    return None;
                }
                if piece == Piece::NoResult {
                    return Some(piece);
                }
                let text = texts.get(*index)?.text.as_ref().ok()?;
                let passage = passage(path(*index), text, &reading.span);
                Some(Piece::Narrated(Box::new(piece), passage))
            })
            .collect()
    }

    /// The test that a whole report is of; `None` for a report of pathology at large.
    fn test_of_report(&self, report: &ReportNode<'_>, kind: ReportKind) -> Option<UnreadTest> {
        if kind != ReportKind::Her2 {
            return None;
        }
        let asked =
            (report.code.codings.iter()).find_map(|coding| self.rules.mapping.finding(coding));
        Some(match asked.map(|row| row.finding) {
            Some(Finding::IhcScore) => UnreadTest::Ihc,
            Some(Finding::IshResult | Finding::Panel | Finding::IshRatio) => UnreadTest::Ish,
            _ => UnreadTest::Either,
        })
    }

    fn unread_narrative(&self, report: &'r ReportNode<'r>, text: &Text<'_>) -> Narrative<'r> {
        let words = &self.rules.mapping.words;
        let plain = text.text.as_deref().unwrap_or("");
        Narrative {
            report: report.key,
            source: source_of_report(report),
            path: text.path.clone(),
            ihc: words.speaks_of_ihc(plain),
            ish: words.speaks_of_ish(plain),
        }
    }

    /// The texts of a report in the order in which a reader meets them.
    fn texts_of(&self, report: &'r ReportNode<'r>) -> Vec<Text<'r>> {
        let mut texts: Vec<Text<'r>> = (report.narrative.iter())
            .map(|(path, text)| Text {
                path: (*path).to_owned(),
                text: Ok(if path.ends_with("div") {
                    Cow::Owned(text_of_markup(text))
                } else {
                    Cow::Borrowed(*text)
                }),
            })
            .collect();
        let json = &report.resource.json;
        for (index, note) in json.items_at("note").iter().enumerate() {
            texts.extend(note.text_at("text").map(|text| Text {
                path: format!("DiagnosticReport.note[{index}]"),
                text: Ok(Cow::Borrowed(text)),
            }));
        }
        for (index, form) in json.items_at("presentedForm").iter().enumerate() {
            texts.push(Text {
                path: format!("DiagnosticReport.presentedForm[{index}]"),
                text: self.text_of_attachment(report, form).map(Cow::Owned),
            });
        }
        texts
    }

    /// The text of an attachment, from its own data or from the Binary that it points to.
    fn text_of_attachment(
        &self,
        report: &ReportNode<'_>,
        attachment: &Json<'_>,
    ) -> Result<String, NoText> {
        let content_type = attachment.text_at("contentType");
        if attachment.text_at("data").is_some() {
            return text_of(content_type, attachment.text_at("data"));
        }
        let url = attachment.text_at("url").ok_or(NoText::NoData)?;
        let pool = self.sources.pool;
        let binary = pool
            .key_of(&Reference::to(url), "Binary", report.key)
            .and_then(|key| pool.get(&key))
            .ok_or(NoText::NoData)?;
        let own_type = binary.json.text_at("contentType").or(content_type);
        text_of(own_type, binary.json.text_at("data"))
    }

    /// The only specimen of a report, or its only one of a breast.
    pub(super) fn specimen_of_report(
        &self,
        report: &ReportNode<'_>,
        side: Option<Side>,
    ) -> Option<String> {
        if let [only] = report.specimens.as_slice() {
            return Some(only.clone());
        }
        let side = side?;
        let is_of_side = |key: &&String| {
            let node = self.sources.specimens.get(key);
            let site = node.and_then(|node| node.body_site.as_ref());
            let named = site.and_then(|site| self.rules.mapping.site(site));
            matches!(named, Some((SiteMeaning::Primary(_), Some(of))) if of == side)
        };
        let mut of_side = report.specimens.iter().filter(is_of_side);
        match (of_side.next(), of_side.next()) {
            (Some(only), None) => Some(only.clone()),
            _ => None,
        }
    }
}

/// Whether a person has to read what the program cannot: all that is attached to a report of HER2 testing, and what holds
/// data and is damaged or closed elsewhere. An attachment that is not sent, or an image, says nothing about HER2 by itself.
fn is_to_be_read(why: NoText, kind: ReportKind) -> bool {
    let is_absent = matches!(
        why,
        NoText::NoData | NoText::NoType | NoText::OtherType | NoText::Empty
    );
    kind == ReportKind::Her2 || !is_absent
}

fn unread_pieces(path: &str, text: &str, read: &Read) -> Vec<Piece> {
    let unread = Read {
        unread: read.unread.clone(),
        ..Read::default()
    };
    crate::mapping::normalise::pieces_of(path, text, &unread)
}
