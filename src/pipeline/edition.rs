//! Which edition of a guideline decides a case, and how it was chosen.
//!
//! The primary site says which editions come into question. Among those the command line wins, then the day of the
//! report where the settings give days, then the settings' edition for the site. A record says which of them it was.

use std::collections::BTreeMap;
use std::fmt;

use chrono::NaiveDate;

use crate::her2::evidence::{Site, SiteFinding};
use crate::her2::guideline::Edition;

/// The editions in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guidelines {
    /// The edition of each site that has one.
    pub by_site: BTreeMap<Site, Edition>,
    /// Editions that hold from a day on, in the order of their days.
    pub by_date: Vec<(NaiveDate, Edition)>,
    /// The edition asked for on the command line.
    pub chosen: Option<Edition>,
}

impl Default for Guidelines {
    fn default() -> Self {
        Self {
            by_site: BTreeMap::from([
                (Site::Breast, Edition::AscoCap2018),
                (Site::Gastroesophageal, Edition::Gastric2016),
            ]),
            by_date: Vec::new(),
            chosen: None,
        }
    }
}

/// How the edition of a case was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// It was asked for on the command line.
    CommandLine,
    /// It was in force on the day of the report.
    ReportDate(NaiveDate),
    /// It is the settings' edition for the primary site.
    Site,
    /// As above: the settings choose by report date, and none is known.
    SiteForWantOfDate,
    /// As above: the settings choose by report date, and begin after this one.
    SiteBeforeFirstDate(NaiveDate),
    /// No edition covers the primary site; this one is only named, and nothing is decided by it.
    NoneCoversSite,
    /// The primary site is not known; this edition is only named, and nothing is decided by it.
    SiteNotKnown,
}

impl Guidelines {
    /// The edition of a case, and how it was chosen.
    pub fn for_case(&self, site: SiteFinding, reported_on: Option<NaiveDate>) -> (Edition, Choice) {
        let SiteFinding::Known(site) = site else {
            return match self.chosen {
                Some(edition) => (edition, Choice::CommandLine),
                None => (self.of_breast(), Choice::SiteNotKnown),
            };
        };
        if let Some(edition) = self.chosen.filter(|edition| edition.covers(site)) {
            return (edition, Choice::CommandLine);
        }
        let Some(of_site) = self.by_site.get(&site).copied() else {
            return (self.of_breast(), Choice::NoneCoversSite);
        };
        let of_days: Vec<(NaiveDate, Edition)> = (self.by_date.iter().copied())
            .filter(|(_, edition)| edition.covers(site))
            .collect();
        if of_days.is_empty() {
            return (of_site, Choice::Site);
        }
        let Some(day) = reported_on else {
            return (of_site, Choice::SiteForWantOfDate);
        };
        match of_days.iter().rev().find(|(from, _)| *from <= day) {
            Some((_, edition)) => (*edition, Choice::ReportDate(day)),
            None => (of_site, Choice::SiteBeforeFirstDate(day)),
        }
    }

    /// The same without what the command line asks for.
    pub fn of_settings(&self) -> Self {
        Self {
            chosen: None,
            ..self.clone()
        }
    }

    /// The edition that a record names where none applies.
    fn of_breast(&self) -> Edition {
        (self.by_site.get(&Site::Breast).copied()).unwrap_or(Edition::AscoCap2018)
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CommandLine => formatter.write_str("chosen on the command line"),
            Self::ReportDate(day) => write!(formatter, "chosen by the report date {day}"),
            Self::Site => formatter.write_str("chosen by the primary site"),
            Self::SiteForWantOfDate => {
                formatter.write_str("chosen by the primary site, since no report date is known")
            }
            Self::SiteBeforeFirstDate(day) => write!(
                formatter,
                "chosen by the primary site, since the report date {day} is before the first day of guideline.by_date"
            ),
            Self::NoneCoversSite => formatter
                .write_str("named but not applied, since no edition covers this primary site"),
            Self::SiteNotKnown => {
                formatter.write_str("named but not applied, since the primary site is not known")
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const BREAST: SiteFinding = SiteFinding::Known(Site::Breast);
    const GASTRIC: SiteFinding = SiteFinding::Known(Site::Gastroesophageal);
    const COLORECTAL: SiteFinding = SiteFinding::Known(Site::Colorectal);

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn dated() -> Guidelines {
        Guidelines {
            by_date: vec![
                (day("2007-01-01"), Edition::AscoCap2007),
                (day("2013-10-07"), Edition::AscoCap2013),
                (day("2018-05-30"), Edition::AscoCap2018),
            ],
            ..Guidelines::default()
        }
    }

    fn asked_for(edition: Edition) -> Guidelines {
        Guidelines {
            chosen: Some(edition),
            ..dated()
        }
    }

    #[test]
    fn without_days_the_site_chooses_whenever_the_report_was_written() {
        let guidelines = Guidelines::default();
        for reported_on in [None, Some(day("2008-03-02"))] {
            assert_eq!(
                guidelines.for_case(BREAST, reported_on),
                (Edition::AscoCap2018, Choice::Site)
            );
            assert_eq!(
                guidelines.for_case(GASTRIC, reported_on),
                (Edition::Gastric2016, Choice::Site)
            );
        }
    }

    #[test]
    fn an_edition_holds_from_its_day_until_the_day_before_the_next() {
        for (reported_on, edition) in [
            ("2007-01-01", Edition::AscoCap2007),
            ("2013-10-06", Edition::AscoCap2007),
            ("2013-10-07", Edition::AscoCap2013),
            ("2018-05-29", Edition::AscoCap2013),
            ("2018-05-30", Edition::AscoCap2018),
            ("2031-01-01", Edition::AscoCap2018),
        ] {
            let reported_on = day(reported_on);
            assert_eq!(
                dated().for_case(BREAST, Some(reported_on)),
                (edition, Choice::ReportDate(reported_on))
            );
        }
    }

    #[test]
    fn without_a_day_or_before_the_first_the_site_chooses_and_it_is_said() {
        let early = day("2006-12-31");
        let chosen = [
            dated().for_case(BREAST, None),
            dated().for_case(BREAST, Some(early)),
        ];
        assert_eq!(
            chosen,
            [
                (Edition::AscoCap2018, Choice::SiteForWantOfDate),
                (Edition::AscoCap2018, Choice::SiteBeforeFirstDate(early)),
            ]
        );
        let [(_, unknown), (_, before)] = chosen;
        assert!(unknown.to_string().contains("no report date is known"));
        assert!(before.to_string().contains("2006-12-31 is before"));
    }

    #[test]
    fn days_of_one_site_say_nothing_about_another() {
        assert_eq!(
            dated().for_case(GASTRIC, Some(day("2015-03-02"))),
            (Edition::Gastric2016, Choice::Site)
        );
    }

    #[test]
    fn the_command_line_wins_over_days_and_site_where_its_edition_covers_the_site() {
        let guidelines = asked_for(Edition::AscoCap2007);
        let today = Some(day("2024-06-05"));
        assert_eq!(
            guidelines.for_case(BREAST, today),
            (Edition::AscoCap2007, Choice::CommandLine)
        );
        assert_eq!(
            guidelines.for_case(GASTRIC, today),
            (Edition::Gastric2016, Choice::Site)
        );
        assert_eq!(
            asked_for(Edition::Gastric2016).for_case(BREAST, Some(day("2015-03-02"))),
            (Edition::AscoCap2013, Choice::ReportDate(day("2015-03-02")))
        );
        assert_eq!(guidelines.of_settings(), dated());
    }

    #[test]
    fn where_no_edition_applies_one_is_named_and_not_said_to_be_chosen_by_the_site() {
        let today = Some(day("2024-06-05"));
        assert_eq!(
            dated().for_case(COLORECTAL, today),
            (Edition::AscoCap2018, Choice::NoneCoversSite)
        );
        assert_eq!(
            asked_for(Edition::Gastric2016).for_case(COLORECTAL, today),
            (Edition::AscoCap2018, Choice::NoneCoversSite)
        );
        for site in [SiteFinding::Unknown, SiteFinding::Disputed] {
            assert_eq!(
                dated().for_case(site, today),
                (Edition::AscoCap2018, Choice::SiteNotKnown)
            );
            assert_eq!(
                asked_for(Edition::AscoCap2007).for_case(site, today),
                (Edition::AscoCap2007, Choice::CommandLine)
            );
        }
    }
}
