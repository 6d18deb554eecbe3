//! How far a long step has come: a bar on a terminal, nothing elsewhere. Plain lines are the logger's.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shows how far a step has come, on standard error.
#[derive(Clone, Debug)]
pub struct Progress {
    bar: ProgressBar,
}

impl Progress {
    /// A bar for a step of known or unknown length; hidden where standard error is no terminal.
    pub fn new(title: &'static str, length: Option<u64>) -> Self {
        let bar = match length {
            Some(length) => ProgressBar::new(length),
            None => ProgressBar::new_spinner(),
        };
        if std::io::stderr().is_terminal() {
            let template = match length {
                Some(_) => "{msg} {wide_bar} {pos}/{len} {eta}",
                None => "{spinner} {msg} {pos}",
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
        } else {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        bar.set_message(title);
        Self { bar }
    }

    /// One more is done.
    pub fn advance(&self) {
        self.bar.inc(1);
    }

    /// The step is over; the bar goes away.
    pub fn finish(self) {
        self.bar.finish_and_clear();
    }
}
