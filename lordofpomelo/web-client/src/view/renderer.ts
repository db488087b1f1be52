//! Which of PixiJS's renderers suits this browser. Kept apart, so that asking does not load them.

/** WebGL where there is a GPU; in software the canvas is much faster. */
export function bestRenderer(wanted: string | null): "webgl" | "canvas" {
  if (wanted === "webgl" || wanted === "canvas") return wanted;
  const probe = document.createElement("canvas");
  const gl = probe.getContext("webgl2", { failIfMajorPerformanceCaveat: true });
  if (gl === null) return "canvas";
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  const name = info === null ? "" : String(gl.getParameter(info.UNMASKED_RENDERER_WEBGL));
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|software/i.test(name) ? "canvas" : "webgl";
}
