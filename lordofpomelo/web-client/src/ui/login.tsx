//! Logging in and registering, with what went wrong beside the field.

import { useEffect, useRef, useState } from "preact/hooks";
import { AccountError, type Field, checked } from "../protocol/accounts";
import { LANGUAGES, type Key, type Language, t } from "../text/text";
import { useGame } from "./context";
import { paintTitle } from "./title-art";

export function TitlePicture() {
  const ref = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const paint = () => {
      if (ref.current !== null) paintTitle(ref.current, window.innerWidth, window.innerHeight);
    };
    paint();
    window.addEventListener("resize", paint);
    return () => window.removeEventListener("resize", paint);
  }, []);
  return <canvas class="title-picture" ref={ref} aria-hidden="true" />;
}

export function TitleWords() {
  return (
    <header class="title-words">
      <h1>{t("game.title")}</h1>
      <p>{t("game.subtitle")}</p>
    </header>
  );
}

interface Wrong {
  readonly field: Field | undefined;
  readonly key: Key;
}

export function Login() {
  const game = useGame();
  const [fresh, setFresh] = useState(false);
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<Wrong>();
  const [name, setName] = useState(() => localStorage.getItem("lordofpomelo.name") ?? "");
  const [password, setPassword] = useState("");
  const [again, setAgain] = useState("");

  const submit = async (event: Event) => {
    event.preventDefault();
    const early = checked(name, password, fresh ? again : undefined);
    if (early !== undefined) return setWrong({ field: early.field, key: early.key });
    setWrong(undefined);
    setBusy(true);
    try {
      localStorage.setItem("lordofpomelo.name", name);
      await game.come(name.trim(), password, fresh);
    } catch (error) {
      setWrong(error instanceof AccountError ? { field: error.field, key: error.key } : { field: undefined, key: "login.noServer" });
    }
    setBusy(false);
  };

  const input = (id: Field, value: string, set: (value: string) => void, complete: string) => ({
    "data-testid": `login-${id}`,
    value,
    autocomplete: complete,
    onInput: (event: { currentTarget: HTMLInputElement }) => {
      set(event.currentTarget.value);
      setWrong(undefined);
    },
  });
  const field = (id: Field, label: Key, value: string, set: (value: string) => void, type: "text" | "password", complete: string) => (
    <label class={`field ${wrong?.field === id ? "wrong" : ""}`}>
      <span>{t(label)}</span>
      {type === "text" ? <input type="text" {...input(id, value, set, complete)} /> : <input type="password" {...input(id, value, set, complete)} />}
      <em role="alert" data-testid={`login-${id}-error`}>{wrong?.field === id ? t(wrong.key) : ""}</em>
    </label>
  );

  return (
    <main class="screen login" data-testid="screen-login">
      <TitlePicture />
      <div class="login-column">
        <TitleWords />
        <form class="panel login-panel" onSubmit={submit} noValidate>
          <h2>{t(fresh ? "login.titleNew" : "login.title")}</h2>
          {field("name", "login.name", name, setName, "text", "username")}
          {field("password", "login.password", password, setPassword, "password", fresh ? "new-password" : "current-password")}
          {fresh && field("again", "login.again", again, setAgain, "password", "new-password")}
          {wrong !== undefined && wrong.field === undefined && <p class="wrong-words" role="alert" data-testid="login-error">{t(wrong.key)}</p>}
          <button class="big" data-testid="login-submit" disabled={busy}>{t(busy ? "login.busy" : fresh ? "login.create" : "login.enter")}</button>
          <button type="button" class="link" data-testid="login-switch" onClick={() => {
            setFresh(!fresh);
            setWrong(undefined);
          }}>
            {t(fresh ? "login.toOld" : "login.toNew")}
          </button>
        </form>
        <nav class="languages">
          {(Object.keys(LANGUAGES) as Language[]).map((language) => (
            <button key={language} class={game.settings.language === language ? "chosen" : ""} onClick={() => game.set({ language })}>{LANGUAGES[language]}</button>
          ))}
        </nav>
      </div>
    </main>
  );
}
