//! Runs scenes side by side: each has patients of its own, so that the passes of one are those of all.

use super::Server;
use super::judge::{Standing, by_contract, judge};
use super::scenes::{Scene, Step};
use super::sources::Change;
use super::writer::{Writer, signed};

/// A scene that was played, with what stood on the server.
#[derive(Debug)]
pub struct Played<'s> {
    pub scene: &'s Scene,
    before: Standing,
    after: Standing,
    quiet: Standing,
}

impl Played<'_> {
    /// What is to be said against the cell of the scene.
    pub fn wrong(&self) -> Vec<String> {
        let mut wrong = self.before.is_as_far_as(self.scene);
        wrong.extend(self.against(&self.scene.words()));
        wrong.extend(by_contract(self.scene, &self.before, &self.after));
        let [written, after] = [&self.quiet, &self.after].map(Standing::written);
        if written != after {
            wrong.push(format!(
                "a quiet pass leaves {written:?}, before it {after:?}"
            ));
        }
        let title = self.scene.title();
        (wrong.into_iter())
            .map(|wrong| format!("{title}: {wrong}"))
            .collect()
    }

    /// What is to be said against the words of any cell.
    pub fn against(&self, words: &str) -> Vec<String> {
        judge(words, self.scene, &self.before, &self.after)
    }
}

/// Plays the scenes from nothing to a quiet pass after the event.
pub async fn play<'s>(
    scenes: &'s [Scene],
    server: &impl Server,
    writer: &Writer,
) -> Vec<Played<'s>> {
    let longest = scenes.iter().map(|scene| scene.before.len()).max();
    for round in 0..longest.unwrap_or_default() {
        for scene in scenes {
            if let Some(step) = scene.before.get(round) {
                take(step, scene, server).await;
            }
        }
        an_hour_passes(server, writer).await;
        writer.pass().await;
    }
    let before = standing(scenes, server).await;
    an_hour_passes(server, writer).await;
    for scene in scenes {
        happen(&scene.happens, server).await;
    }
    writer.pass().await;
    let at_once = standing(scenes, server).await;
    an_hour_passes(server, writer).await;
    writer.sources_are_due();
    writer.pass().await;
    let looked_again = standing(scenes, server).await;
    an_hour_passes(server, writer).await;
    writer.sources_are_due();
    writer.pass().await;
    let quiet = standing(scenes, server).await;

    let stood = before.into_iter().zip(at_once).zip(looked_again).zip(quiet);
    (scenes.iter().zip(stood))
        .map(
            |(scene, (((before, at_once), looked_again), quiet))| Played {
                scene,
                before,
                // What a search has shown is settled at once, and looking at the sources again changes nothing.
                after: match scene.is_shown_by_a_search() {
                    true => at_once,
                    false => looked_again,
                },
                quiet,
            },
        )
        .collect()
}

async fn standing(scenes: &[Scene], server: &impl Server) -> Vec<Standing> {
    let mut standing = Vec::new();
    for scene in scenes {
        standing.push(Standing::of(scene, server).await);
    }
    standing
}

async fn an_hour_passes(server: &impl Server, writer: &Writer) {
    server.an_hour_passes().await;
    writer.an_hour_passes();
}

async fn take(step: &Step, scene: &Scene, server: &impl Server) {
    match step {
        Step::Sends(changes) => happen(changes, server).await,
        Step::Signs => {
            let standing = Standing::of(scene, server).await;
            // What is missing here is said when the state is judged.
            if let (Some(result), [task]) = (standing.result(), standing.sign_offs().as_slice()) {
                let version = result["meta"]["versionId"].as_str().unwrap_or("");
                server.put(&signed(task, version)).await;
            }
        }
    }
}

async fn happen(changes: &[Change], server: &impl Server) {
    for change in changes {
        match change {
            Change::Put(resource) => server.put(resource).await,
            Change::Delete(key) => server.delete(key).await,
        }
    }
}
