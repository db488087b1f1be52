//! How the two heroes and the twelve people of the areas are dressed.

import { type Look, person } from "./body";
import type { Figure } from "./figure";
import type { Fill } from "./pen";

const FAIR: Fill = ["#ffe8cd", "#f1bd8f"];
const TAN: Fill = ["#f3c795", "#c88a56"];
const BROWN: Fill = ["#b97b4e", "#7f4b2a"];
const PALE: Fill = ["#fff1e6", "#e5c0a8"];

/** Angel: white and gold, wings, a sword. */
const ANGEL: Look = {
  skin: FAIR, hair: ["#ffe08a", "#d09a34"], cut: "long", hat: "halo",
  top: ["#ffffff", "#b9c8ea"], trim: "#f2bf4b", legs: ["#dfe6f6", "#8f9fc4"], boots: ["#f2cf7a", "#a8742a"],
  pads: ["#ffe9a8", "#c8922f"], wings: true, held: "sword", eyes: "#2a4c9c",
};

/** Alchemist: violet robe, goggles, a flask that glows. */
const ALCHEMIST: Look = {
  skin: FAIR, hair: ["#8a4b2c", "#4a2416"], cut: "wild", hat: "goggles", hatFill: ["#a8f5ff", "#2a86b0"],
  top: ["#8e5bd0", "#43246f"], trim: "#f0c35a", legs: ["#4b3320", "#2d1d12"], boots: ["#8a5a32", "#4d3019"],
  robe: true, bag: true, held: "flask", eyes: "#33603a",
};

const LOOKS: Readonly<Record<number, Look>> = {
  210: ANGEL,
  211: ALCHEMIST,
  // Alma, who knows the water road.
  301: { skin: TAN, hair: ["#4a2f22", "#23140d"], cut: "braids", hat: "scarf", hatFill: ["#3fc3c9", "#1a7a8c"], top: ["#f1e2c2", "#c49f63"], trim: "#26a0a8", legs: ["#7b5638", "#4d331f"], boots: ["#8a5a32", "#4d3019"], robe: true, held: "crook" },
  // Ives of the arena.
  302: { skin: FAIR, hair: ["#c9552f", "#7d2a17"], cut: "short", hat: "horned", hatFill: ["#d7dde8", "#7e8aa0"], top: ["#b8443d", "#6a1f23"], trim: "#ecc25e", legs: ["#5a4330", "#35261a"], boots: ["#6b4526", "#3a2415"], pads: ["#e3e8f0", "#8190a8"], beard: ["#d4663a", "#8a3219"], held: "spear", wide: 1.1 },
  // Maro at the cave.
  303: { skin: BROWN, hair: ["#2f241e", "#15100c"], cut: "short", hat: "cap", hatFill: ["#d8a23e", "#8e5d1c"], top: ["#6f7a4c", "#3d4728"], trim: "#e2b04c", legs: ["#564230", "#33261a"], boots: ["#6b4526", "#3a2415"], bag: true, held: "lantern" },
  // Bram, who has been north.
  304: { skin: TAN, hair: ["#e6e2da", "#a8a196"], cut: "short", hat: "none", beard: ["#f4f0e8", "#b5aea2"], top: ["#8b5a3c", "#4f2f1d"], trim: "#d8b36a", legs: ["#5b4630", "#3a2a1c"], boots: ["#6b4526", "#3a2415"], cape: ["#59703f", "#2d3d20"], held: "staff", heldFill: ["#ffe9a8", "#c8922f"], wide: 1.08 },
  // Tomas, who leads back to the desert.
  305: { skin: BROWN, hair: ["#2f241e", "#15100c"], cut: "short", hat: "turban", hatFill: ["#fff3d6", "#d7a95e"], top: ["#2f7fb5", "#174a77"], trim: "#f0c35a", legs: ["#e6d6b0", "#a88f5c"], boots: ["#8a5a32", "#4d3019"], robe: true, beard: ["#4a382c", "#261a13"], held: "lantern" },
  // Nerida at the ice pass.
  306: { skin: PALE, hair: ["#cfe9ff", "#6fa6d8"], cut: "long", hat: "circlet", hatFill: ["#8af3ff", "#2a8ec0"], top: ["#5fb3d8", "#28608f"], trim: "#e9f7ff", legs: ["#c8dbe8", "#7f9bb5"], boots: ["#d6e4ee", "#7f97ad"], robe: true, cape: ["#e9f4fb", "#9dbcd2"], held: "staff", eyes: "#1e6a9c" },
  // Talia and her songs.
  307: { skin: TAN, hair: ["#b03a52", "#641b30"], cut: "bun", hat: "none", top: ["#e98a4a", "#a8481f"], trim: "#ffe08a", legs: ["#6f3d57", "#3f1f33"], boots: ["#8a5a32", "#4d3019"], robe: true, held: "lute" },
  // Yori, who counts pillars.
  308: { skin: FAIR, hair: ["#3c3a46", "#1b1a22"], cut: "bob", hat: "wide", hatFill: ["#e8cf94", "#a9803c"], top: ["#6aa35a", "#335c2e"], trim: "#f0dc9a", legs: ["#5b4630", "#3a2a1c"], boots: ["#6b4526", "#3a2415"], robe: true, held: "book" },
  // Arno, tired of the cold.
  309: { skin: PALE, hair: ["#b5793e", "#6d4119"], cut: "short", hat: "fur", hatFill: ["#a5443a", "#6d2330"], beard: ["#c98a4a", "#7d4b1d"], top: ["#7d5a3f", "#493221"], trim: "#e9dcc2", legs: ["#4c5b70", "#2b3646"], boots: ["#e9dcc2", "#a08c68"], held: "axe", wide: 1.08 },
  // Kela, who reads fear.
  310: { skin: FAIR, hair: ["#e7e3f5", "#9a93bd"], cut: "long", hat: "hood", hatFill: ["#6a5aa8", "#352a63"], top: ["#6a5aa8", "#352a63"], trim: "#c9d9ff", legs: ["#40345c", "#251d38"], boots: ["#4b3a6b", "#281e3f"], robe: true, held: "fan", heldFill: ["#d8e4ff", "#6f86c8"], eyes: "#5a3a9c" },
  // Orin of the last country.
  311: { skin: PALE, hair: ["#8f98a6", "#4f5764"], cut: "wild", hat: "none", beard: ["#aab3c0", "#626b79"], top: ["#56708c", "#2a3b50"], trim: "#cfe0ee", legs: ["#3f4a58", "#232b36"], boots: ["#d6dde6", "#828f9e"], cape: ["#e6edf3", "#93a5b5"], pads: ["#dbe5ee", "#7f93a6"], held: "sword", heldFill: ["#d8f6ff", "#5aa9d8"], wide: 1.08 },
  // Theda, who has seen the lantern.
  312: { skin: PALE, hair: ["#4c3b34", "#241a16"], cut: "braids", hat: "fur", hatFill: ["#3f7f8f", "#1d4654"], top: ["#d6c6a8", "#8f7850"], trim: "#3f9fb0", legs: ["#6b5a44", "#3f3325"], boots: ["#e9dcc2", "#a08c68"], robe: true, held: "lantern" },
};

export const HEROES = [210, 211] as const;

/** All that are people, by kind. */
export const PEOPLE: Readonly<Record<number, Figure>> = Object.fromEntries(
  Object.entries(LOOKS).map(([kind, look]) => [kind, person(look)]),
);
