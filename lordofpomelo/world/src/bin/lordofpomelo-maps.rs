//! Writes the map files of the server and the scene files of the client from the descriptions in the library. Run it after
//! these were changed; a test says when it was forgotten.

use std::path::{Path, PathBuf};

use lordofpomelo_world::map::scene::{Scene, files};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let game = Path::new(env!("CARGO_MANIFEST_DIR")).join("../game-server/config");
    let config = std::env::args().nth(1).map_or(game, PathBuf::from);
    for scene in Scene::all() {
        let files = files(&scene)?;
        for (folder, text) in [("map", &files.map), ("scene", &files.scene)] {
            let folder = config.join(folder);
            std::fs::create_dir_all(&folder)?;
            let file = folder.join(format!("{}.json", files.name));
            std::fs::write(&file, text)?;
            println!("{} ({} bytes)", file.display(), text.len());
        }
    }
    Ok(())
}
