//! `status`: shows which steps are done.

use crate::cli::SetupArgs;
use crate::discover::Reading;
use crate::exit::Exit;
use crate::k8s::lock;
use crate::settings::{Origins, Settings};
use crate::ui::{Ui, Voice};

use super::{finish, read, wait};

pub(super) fn status(args: SetupArgs, voice: Voice, origins: Origins) -> Exit {
    let ui = Ui::new(args.step.output.output, args.step.output.events, voice);
    let result = Settings::new(args, origins, true).and_then(|settings| {
        wait(async {
            let session = read(&ui, settings, Reading::Whole).await?;
            let holder = lock::holder(&session.clients.kube.client).await?;
            ui.status(&crate::status::status(&session.scene(), holder));
            Ok(Exit::Done)
        })
    });
    finish(&ui, result)
}
