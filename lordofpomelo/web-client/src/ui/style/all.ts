//! All styles, in order.
import "@fontsource/cinzel/latin-600.css";
import "@fontsource/cinzel/latin-800.css";
import "./base.css";
import "./screens.css";
import "./hud.css";
import "./windows.css";
import "./small.css";
