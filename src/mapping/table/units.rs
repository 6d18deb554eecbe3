//! Units that a number may carry, by what it measures.

use std::collections::BTreeSet;

/// Units by what a number measures; `""` is no unit at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Units {
    /// Of a percentage.
    pub percent: BTreeSet<String>,
    /// Of a ratio.
    pub ratio: BTreeSet<String>,
    /// Of copies per cell.
    pub copies: BTreeSet<String>,
    /// Of a number of cells.
    pub cells: BTreeSet<String>,
    /// Of a score.
    pub score: BTreeSet<String>,
    /// Of a histologic grade.
    pub grade: BTreeSet<String>,
    /// Minutes.
    pub minutes: BTreeSet<String>,
    /// Hours.
    pub hours: BTreeSet<String>,
    /// Days.
    pub days: BTreeSet<String>,
}

impl Units {
    /// The list that files call so.
    pub(super) fn list(&mut self, name: &str) -> Option<&mut BTreeSet<String>> {
        Some(match name {
            "percent" => &mut self.percent,
            "ratio" => &mut self.ratio,
            "copies" => &mut self.copies,
            "cells" => &mut self.cells,
            "score" => &mut self.score,
            "grade" => &mut self.grade,
            "minutes" => &mut self.minutes,
            "hours" => &mut self.hours,
            "days" => &mut self.days,
            _ => return None,
        })
    }
}
