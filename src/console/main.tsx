import { render } from "preact";
import { Frame } from "./frame/frame.tsx";
import { GoneBanner, Notices } from "./frame/notices.tsx";
import { SignIn } from "./frame/sign-in.tsx";
import { begin, session } from "./state/session.ts";
import { applyTheme } from "./state/theme.ts";
import "./style/tokens.css";
import "./style/base.css";
import "./style/frame.css";
import "./style/parts.css";
import "./style/table.css";
import "./style/overview.css";
import "./style/messages.css";
import "./style/nodes.css";
import "./style/plugins.css";
import "./style/region.css";
import "./style/forms.css";
import "./style/log.css";

function App() {
  return (
    <>
      {session.value === "in" && <Frame />}
      {session.value === "out" && <SignIn />}
      {session.value === "unknown" && <GoneBanner />}
      <Notices />
    </>
  );
}

applyTheme();
const place = document.getElementById("app");
if (place !== null) render(<App />, place);
begin().catch(console.error);
