//! `[guideline]` and `[convention]`: by what is decided.

use chrono::NaiveDate;
use serde::Deserialize;

use super::super::{ConfigError, GuidelineConfig, invalid};
use super::choice;
use crate::her2::conventions::{
    Conventions, DerivedRatio, SingleProbeHigh, ThreePlusAtLowPercent, UnstatedCells,
    UnstatedMethod,
};
use crate::her2::evidence::Site;
use crate::her2::guideline::Edition;
use crate::pipeline::edition::Guidelines;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GuidelineWritten {
    breast: String,
    gastroesophageal: String,
    by_date: Vec<String>,
    assume_site: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConventionWritten {
    group_2_or_4_with_2_plus_is_low: bool,
    three_plus_at_low_percent: String,
    single_probe_high_with_low_ihc: String,
    unstated_method: String,
    unstated_cells: String,
    ish_words_trusted_from: String,
    derived_ratio: String,
    gastric_copies_rule: bool,
    retest_advice: bool,
}

impl GuidelineWritten {
    pub(super) fn checked(self) -> Result<GuidelineConfig, ConfigError> {
        let of_site = |key: &str, text: &str, site: Site| {
            let covering: Vec<(&str, Edition)> = (Edition::ALL.into_iter())
                .filter(|edition| edition.covers(site))
                .map(|edition| (edition.id(), edition))
                .collect();
            choice(key, text, &covering).map(|edition| (site, edition))
        };
        let sites = Site::ALL.map(|site| (site.name(), Some(site)));
        let sites: Vec<(&str, Option<Site>)> = sites.into_iter().chain([("", None)]).collect();
        Ok(GuidelineConfig {
            editions: Guidelines {
                by_site: [
                    of_site("guideline.breast", &self.breast, Site::Breast)?,
                    of_site(
                        "guideline.gastroesophageal",
                        &self.gastroesophageal,
                        Site::Gastroesophageal,
                    )?,
                ]
                .into(),
                by_date: by_date(&self.by_date)?,
                chosen: None,
            },
            assume_site: choice("guideline.assume_site", &self.assume_site, &sites)?,
        })
    }
}

impl ConventionWritten {
    pub(super) fn checked(self) -> Result<Conventions, ConfigError> {
        Ok(Conventions {
            group_2_or_4_with_2_plus_is_low: self.group_2_or_4_with_2_plus_is_low,
            three_plus_at_low_percent: choice(
                "convention.three_plus_at_low_percent",
                &self.three_plus_at_low_percent,
                &[
                    ("contradictory", ThreePlusAtLowPercent::Contradictory),
                    ("score-stands", ThreePlusAtLowPercent::ScoreStands),
                ],
            )?,
            single_probe_high_with_low_ihc: choice(
                "convention.single_probe_high_with_low_ihc",
                &self.single_probe_high_with_low_ihc,
                &[
                    ("positive", SingleProbeHigh::Positive),
                    ("needs-dual-probe", SingleProbeHigh::NeedsDualProbe),
                ],
            )?,
            unstated_method: choice(
                "convention.unstated_method",
                &self.unstated_method,
                &[
                    ("either", UnstatedMethod::Either),
                    ("single", UnstatedMethod::Single),
                    ("dual", UnstatedMethod::Dual),
                ],
            )?,
            unstated_cells: choice(
                "convention.unstated_cells",
                &self.unstated_cells,
                &[
                    ("accept", UnstatedCells::Accept),
                    ("may-have-failed", UnstatedCells::MayHaveFailed),
                ],
            )?,
            ish_words_trusted_from: match self.ish_words_trusted_from.as_str() {
                "" => None,
                text => Some(day(text).ok_or_else(|| {
                    let expected = "a day such as 2018-05-30, or empty";
                    invalid("convention.ish_words_trusted_from", expected)
                })?),
            },
            derived_ratio: choice(
                "convention.derived_ratio",
                &self.derived_ratio,
                &[
                    ("printed-digits", DerivedRatio::PrintedDigits),
                    ("exact", DerivedRatio::Exact),
                ],
            )?,
            gastric_copies_rule: self.gastric_copies_rule,
            retest_advice: self.retest_advice,
        })
    }
}

/// A day written out as `2018-05-30`.
fn day(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .ok()
        .filter(|day| day.to_string() == text)
}

/// Days with the edition that holds from each on. They ascend, and no site has two editions from one day on.
fn by_date(texts: &[String]) -> Result<Vec<(NaiveDate, Edition)>, ConfigError> {
    const KEY: &str = "guideline.by_date";
    let mut dated: Vec<(NaiveDate, Edition)> = Vec::new();
    for (index, text) in texts.iter().enumerate() {
        let number = index + 1;
        let words: Vec<&str> = text.split_whitespace().collect();
        let (from, edition) = match words.as_slice() {
            [from, edition] => (day(from), Edition::parse(edition)),
            _ => (None, None),
        };
        let Some((from, edition)) = from.zip(edition) else {
            return Err(invalid(
                KEY,
                format!(
                    "a list of a day and a known edition each, such as \"2013-10-07 asco-cap-2013\"; entry {number} is not"
                ),
            ));
        };
        let is_after = |(earlier, other): &(NaiveDate, Edition)| {
            let same_site =
                (Site::ALL.into_iter()).any(|site| other.covers(site) && edition.covers(site));
            *earlier < from || (*earlier == from && !same_site)
        };
        if !dated.iter().all(is_after) {
            return Err(invalid(
                KEY,
                format!(
                    "in the order of its days, with one edition for a site and day; entry {number} is not"
                ),
            ));
        }
        dated.push((from, edition));
    }
    Ok(dated)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::super::layers::combine;
    use super::super::with;
    use super::*;

    #[test]
    fn every_site_may_be_assumed() {
        for site in Site::ALL {
            let guideline = with("GUIDELINE__ASSUME_SITE", site.name())
                .unwrap()
                .guideline;
            assert_eq!(guideline.assume_site, Some(site));
        }
    }

    #[test]
    fn editions_by_date_are_days_in_their_order() {
        let by_date = |text| {
            let config = with("GUIDELINE__BY_DATE", text);
            config.map(|config| config.guideline.editions.by_date)
        };
        assert_eq!(by_date("").unwrap(), []);
        let days = "2007-01-01 asco-cap-2007, 2017-01-01 asco-cap-2013,2017-01-01 gastric-2016";
        assert_eq!(
            by_date(days).unwrap(),
            [
                ("2007-01-01".parse().unwrap(), Edition::AscoCap2007),
                ("2017-01-01".parse().unwrap(), Edition::AscoCap2013),
                ("2017-01-01".parse().unwrap(), Edition::Gastric2016),
            ]
        );
        for (text, entry) in [
            ("2013-10-07", "entry 1"),
            ("asco-cap-2013 2013-10-07", "entry 1"),
            ("2013-10-07 asco-cap-2013 2018", "entry 1"),
            (
                "2007-01-01 asco-cap-2007,2013-02-30 asco-cap-2013",
                "entry 2",
            ),
            ("2013-10-7 asco-cap-2013", "entry 1"),
            ("2013-10-07 asco-cap-2014", "entry 1"),
            (
                "2018-05-30 asco-cap-2018,2013-10-07 asco-cap-2013",
                "entry 2",
            ),
            (
                "2018-05-30 asco-cap-2018,2018-05-30 asco-cap-2013",
                "entry 2",
            ),
        ] {
            let message = by_date(text).unwrap_err().to_string();
            assert!(
                message.starts_with("guideline.by_date must be ") && message.contains(entry),
                "{text}: {message}"
            );
        }
    }

    #[test]
    fn every_convention_may_be_set_otherwise() {
        let changed = [
            ("GROUP_2_OR_4_WITH_2_PLUS_IS_LOW", "false"),
            ("THREE_PLUS_AT_LOW_PERCENT", "score-stands"),
            ("SINGLE_PROBE_HIGH_WITH_LOW_IHC", "needs-dual-probe"),
            ("UNSTATED_METHOD", "dual"),
            ("UNSTATED_CELLS", "may-have-failed"),
            ("ISH_WORDS_TRUSTED_FROM", "2018-05-30"),
            ("DERIVED_RATIO", "exact"),
            ("GASTRIC_COPIES_RULE", "false"),
            ("RETEST_ADVICE", "false"),
        ]
        .map(|(key, value)| (format!("HER2_ADAPTER__CONVENTION__{key}"), value.to_owned()));
        let conventions = combine(None, changed.into())
            .unwrap()
            .checked()
            .unwrap()
            .convention;
        assert_eq!(
            conventions,
            Conventions {
                group_2_or_4_with_2_plus_is_low: false,
                three_plus_at_low_percent: ThreePlusAtLowPercent::ScoreStands,
                single_probe_high_with_low_ihc: SingleProbeHigh::NeedsDualProbe,
                unstated_method: UnstatedMethod::Dual,
                unstated_cells: UnstatedCells::MayHaveFailed,
                ish_words_trusted_from: Some("2018-05-30".parse().unwrap()),
                derived_ratio: DerivedRatio::Exact,
                gastric_copies_rule: false,
                retest_advice: false,
            }
        );
    }
}
