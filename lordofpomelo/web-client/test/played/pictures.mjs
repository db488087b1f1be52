//! The pictures of README and documents: `node test/played/pictures.mjs ADDRESS FOLDER`. The heroes must be there, with the password
//! below; `tests/tests/lordofpomelo_pictures.rs` makes them and runs this.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Player, fresh, openBrowser } from "./player.mjs";

const PASSWORD = "a secret";

/** A picture may have so many bytes. */
const BYTES_MAX = 250_000;

/** The best first; the next is tried if the picture is too large. */
const QUALITIES = [0.9, 0.84, 0.76, 0.66, 0.55, 0.4];

const [base, folder] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const browser = await openBrowser();
const desk = await browser.newPage();

/** Writes the page as WebP, which Chromium makes itself. */
async function picture(player, name) {
  const png = (await player.page.screenshot()).toString("base64");
  for (const quality of QUALITIES) {
    const url = await desk.evaluate(
      async ([data, q]) => {
        const image = new Image();
        image.src = `data:image/png;base64,${data}`;
        await image.decode();
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [image.width, image.height];
        canvas.getContext("2d").drawImage(image, 0, 0);
        return canvas.toDataURL("image/webp", q);
      },
      [png, quality],
    );
    const bytes = Buffer.from(url.slice(url.indexOf(",") + 1), "base64");
    if (bytes.length > BYTES_MAX && quality !== QUALITIES.at(-1)) continue;
    writeFileSync(join(folder, `${name}.webp`), bytes);
    console.log(`picture ${name}.webp, ${Math.round(bytes.length / 1024)} KiB`);
    return;
  }
}

async function enter(name, options) {
  const player = await Player.come(browser, base, options);
  player.name = name;
  await player.login(name, PASSWORD);
  await player.inWorld();
  await bannerGone(player);
  return player;
}

function bannerGone(player) {
  return player.at("area-banner").waitFor({ state: "detached" });
}

/** In the middle of a fight: two blows after it began. */
async function fight(player, skill) {
  const [mob] = await player.sight("mob");
  if (mob === undefined) return;
  await player.meet(mob.entityId);
  await player.page.waitForFunction((id) => window.__game.entities.some((one) => one.entityId === id && one.hp < one.maxHp), mob.entityId, { timeout: 15_000 }).catch(() => undefined);
  const stands = await player.page.evaluate((id) => window.__game.entities.some((one) => one.entityId === id && one.diedAt === undefined), mob.entityId);
  if (skill !== undefined && stands) await player.page.keyboard.press(skill);
  await player.page.waitForTimeout(350);
  // What was refused is no part of the picture.
  await player.page.locator(".toast.no").waitFor({ state: "detached" });
}

async function travel(player, to) {
  const [npc] = await player.sight("npc");
  await player.meet(npc.entityId);
  await player.at("npc-dialog").waitFor();
  await player.page.waitForTimeout(400);
  if (player.name === "Taro") await picture(player, "npc");
  if (await player.at("npc-next").isVisible()) await player.at("npc-next").click();
  await player.at("npc-travel").click();
  await player.until((map) => window.__game.mapName.includes(map) && window.__game.screen === "world", to);
  await bannerGone(player);
}

/** One player, and what is to be seen of it. */
async function of(name, see, options) {
  const player = await enter(name, options);
  await see(player);
  player.content();
  await player.close();
}

const guest = await Player.come(browser, base);
await guest.page.waitForTimeout(800);
await picture(guest, "login");
await guest.register(fresh("guest"));
await guest.at("hero-211").click();
await guest.at("hero-name").fill("Aurel");
await guest.page.waitForTimeout(800);
await picture(guest, "hero-choice");
await guest.close();

const SMALL = { size: { width: 480, height: 360 } };
const [bran, sela, mira] = [await enter("Bran", SMALL), await enter("Sela", SMALL), await enter("Mira")];
await mira.at("menu-team").click();
await mira.at("team-create").click();
await mira.at("team-leave").waitFor();
await mira.at("close-team").click();
for (const other of [bran, sela]) {
  const mate = (await mira.sight("player")).find(({ name }) => name === other.name);
  await mira.meet(mate.entityId);
  await mira.at("target-invite").click();
  await other.at("team-accept").click();
  await mira.at("team-plates").getByText(other.name).waitFor();
}
// Their windows are so small that the talk is folded.
for (const other of [bran, sela]) await other.at("chat-open").click();
await bran.say("Harpies again, west of the tents.", "all");
await sela.say("Coming. Keep the big one busy.", "team");
await bran.say("Has anybody seen the well?", "area");
await mira.say("Two more and the camp sleeps.", "team");
await mira.page.waitForTimeout(4_000);
await Promise.all([fight(bran), fight(sela), fight(mira, "2")]);
await picture(mira, "desert");
await mira.at("menu-team").click();
await mira.page.waitForTimeout(600);
await picture(mira, "team");
await mira.at("close-team").click();
await mira.at("menu-quests").click();
await mira.page.waitForTimeout(600);
await picture(mira, "quest");
for (const player of [bran, sela, mira]) {
  player.content();
  await player.close();
}

await of("Odo", async (player) => {
  await fight(player, "3");
  await picture(player, "oasis");
});
await of("Iko", async (player) => {
  await fight(player, "6");
  await picture(player, "ice");
});
await of("Taro", async (player) => {
  await travel(player, "arena");
  await fight(player, "5");
  await picture(player, "arena");
});
await of("Vesna", async (player) => {
  await travel(player, "path");
  await fight(player, "6");
  await picture(player, "cave");
});
await of("Noor", async (player) => {
  await player.page.keyboard.press("c");
  await player.page.keyboard.press("b");
  await player.at("bag-2").click();
  await player.page.waitForTimeout(600);
  await picture(player, "bag");
  await player.page.keyboard.press("Escape");
  await player.page.keyboard.press("k");
  await player.page.waitForTimeout(600);
  await picture(player, "skills");
});
await of("Noor", async (player) => {
  await player.at("menu-hero").click();
  await player.at("menu-bag").click();
  await player.at("bag-2").click();
  await player.page.waitForTimeout(600);
  await picture(player, "chinese");
}, { locale: "zh-CN" });
await of("Noor", async (player) => {
  await player.page.waitForTimeout(600);
  await picture(player, "phone");
}, { size: { width: 390, height: 844 } });
await of("Lin", async (player) => {
  // The nearest may turn away, or be another's.
  for (const fallen = player.at("mask-death"); !(await fallen.isVisible()); await player.page.waitForTimeout(1_500)) {
    const [mob] = await player.sight("mob");
    if (mob !== undefined) await player.meet(mob.entityId);
  }
  await picture(player, "death");
});
await browser.close();
