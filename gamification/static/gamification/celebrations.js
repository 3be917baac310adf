/* <gamification-celebrations>: shows each celebration of the user once.

   <gamification-celebrations
       src="/api/gamification/v1/me/celebrations/"  the API's address, with its last /
       mode="all"                    or "quiet" (no motion), or "none" (nothing at all)
       badges="/static/gamification/badges/"        the folder of icons with a name
       more-href="/achievements/"    optional: the target of the link "and N more"
       data-csrf-token="…"           unless a form inside has the token
       data-csrf-header="…"          unless the header is X-CSRFToken
       data-words='{"close": "…"}'   translations, see WORDS
       paused>                       optional: hold everything back
     <div data-gamification-toasts role="region" aria-label="Celebrations"
          aria-live="polite" aria-relevant="additions"></div>
     <section data-gamification-list>               the list without JavaScript
       <ul>
         <li data-celebration='{"id": 512, …}'>     as the API gives it
           … <form method="post"> <input name="csrfmiddlewaretoken"> <button>Seen …
   </gamification-celebrations>

   The element hides the list, and first shows the celebrations in it. Without a list,
   it asks the API at once. A celebration may have its own `title` and `text`, a `url`
   to which its toast links, and in its data an `icon_url`, and the `ladder` whose tiers
   share a card. Tiers without a ladder share a card if only numbers in their keys differ.

   Events, which bubble, each with the celebration as `detail`: `gamification:before`
   (if it is cancelled, the site shows the celebration itself), `gamification:shown` and
   `gamification:done`. `check()` asks now, and so does the event `gamification:check`
   on the document. */

const WORDS = {
  achievement: "Achievement unlocked: +{xp}\u00a0XP",
  unpaid: "Achievement unlocked",
  tiers: "{names}: +{xp}\u00a0XP",
  level: "Level {to}",
  levelText: "You rose from level {from}.",
  levels: "You rose from level {from}, past {between}.",
  streak: "{days}-day streak",
  streakText: "Active on {days} days in a row",
  more: "And {count} more",
  link: "See the details",
  moreLink: "See them all",
  close: "Close: {title}",
};
const KINDS = ["achievement", "level", "streak"];
const ICONS = { level: "level", streak: "flame", more: "trophy" };
const COLOURS = ["#f4b400", "#e8526c", "#4a90e2", "#3dae74", "#8e5bd9"];

// Another screen shows the celebration, or it is over.
const LOST = [404, 409];

const POLL = 15_000;
const LONGEST = 120_000;
// Claims last for a minute.
const CLAIM = 50_000;
const STAGGER = 1_600;
const AT_ONCE = 3;
const MOST_NAMED = 5;
const STAY = 6_000;
const STAY_PER_CHARACTER = 60;
const CONFETTI = 1_500;

/** Where a page leaves celebrations to the next page of its tab. */
const HANDOVER = "gamification-celebrations";

const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));

function jsonOf(text, otherwise) {
  try {
    return JSON.parse(text) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** Take what an earlier page left; nothing if the browser has no storage. */
function takeHandover() {
  try {
    const text = sessionStorage.getItem(HANDOVER);
    sessionStorage.removeItem(HANDOVER);
    return { claims: [], untold: [], ...jsonOf(text, {}) };
  } catch {
    return { claims: [], untold: [] };
  }
}

function storeHandover(handover) {
  try {
    sessionStorage.setItem(HANDOVER, JSON.stringify(handover));
  } catch {
    // It is off or full. The claims expire on the server.
  }
}

function make(tag, name, text = "") {
  const element = document.createElement(tag);
  element.className = name;
  element.textContent = text;
  return element;
}

/** An address that is safe to follow: never a script. */
function addressOf(text) {
  if (typeof text !== "string" || !URL.canParse(text, document.baseURI)) return null;
  const url = new URL(text, document.baseURI);
  return /^https?:$/.test(url.protocol) ? url.href : null;
}

/** The time on the server's clock. */
const timeOf = (answer) => Date.parse(answer.headers.get("Date")) || Date.now();

/** Milliseconds for which the server asks to be left alone. */
function retryAfter(answer) {
  const value = answer.headers.get("Retry-After");
  return Math.max(value * 1000 || Date.parse(value) - timeOf(answer), 0) || 0;
}

class Refused extends Error {
  constructor(answer) {
    super(`The API answers ${answer.status}.`);
    this.isFinal = answer.status === 401 || answer.status === 403;
    this.wait = retryAfter(answer);
  }
}

/** Celebrations in the order of their show: by kind, threshold, age. */
function inOrder(celebrations) {
  const rank = ({ kind, data, id }) => [KINDS.indexOf(kind), data.threshold ?? 0, id];
  const compare = (a, b) => a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
  return celebrations.toSorted((one, other) => compare(rank(one), rank(other)));
}

/** The celebration of the highest level, or the last one of another kind. */
function highest(celebrations) {
  const isHigher = (a, b) => (a.data.to ?? 0) > (b.data.to ?? 0);
  return celebrations.reduce((a, b) => (isHigher(a, b) ? a : b));
}

/** The key of a card: shared by tiers of one record, all levels, all milestones. */
function cardKey({ id, kind, data, created_at }) {
  if (kind === "level" || kind === "streak") return kind;
  const stem = /^(.*\D)?\d+$/.exec(data.achievement)?.[1];
  const ladder = data.ladder ?? stem;
  return ladder === undefined ? `${kind} ${id}` : `${kind} ${created_at} ${ladder}`;
}

function grouped(celebrations) {
  return [...Map.groupBy(celebrations, cardKey).values()];
}

class Celebrations extends HTMLElement {
  // The API has answered 401 or 403; no element of this page asks again.
  static #isOver = false;
  static observedAttributes = ["paused", "mode", "src"];

  #known = null;
  #fallback = null;
  #claims = new Map();
  #shown = new Set();
  #untold = new Set();
  #toasts = [];
  #errors = 0;
  #notBefore = 0;
  #timer;
  #isBusy = false;
  #isAsked = false;
  #listening;
  #words = WORDS;
  #toastsBox;

  connectedCallback() {
    this.#words = { ...WORDS, ...jsonOf(this.dataset.words, {}) };
    this.#toastsBox = this.querySelector("[data-gamification-toasts]") ?? this.#box();
    this.#adopt(this.querySelector("[data-gamification-list]"));
    // The toasts of a copied element never end.
    this.#toastsBox.replaceChildren();
    this.#listen();
    if (this.#known?.length === 0) this.#schedule(POLL);
    else this.check();
  }

  disconnectedCallback() {
    this.#listening.abort();
    clearTimeout(this.#timer);
    this.#handOver();
    for (const toast of [...this.#toasts]) this.#remove(toast);
  }

  attributeChangedCallback() {
    if (this.#listening) this.check();
  }

  /** Ask the API now, and show the celebrations that wait. */
  async check() {
    if (this.#isBusy) this.#isAsked = true;
    else if (this.#mayRun()) await this.#run();
    else if (this.#notBefore > Date.now()) this.#schedule(0);
  }

  async #run() {
    this.#isBusy = true;
    this.#isAsked = false;
    clearTimeout(this.#timer);
    try {
      await this.#show(await this.#pending());
      this.#errors = 0;
      this.#schedule(POLL);
    } catch (error) {
      this.#recover(error);
    } finally {
      this.#isBusy = false;
    }
    if (this.#isAsked) this.check();
  }

  #mayRun() {
    const isOn = this.hasAttribute("src") && this.getAttribute("mode") !== "none";
    const isFree = !this.hasAttribute("paused") && Date.now() >= this.#notBefore;
    const isLive = this.isConnected && !Celebrations.#isOver;
    return isOn && isFree && isLive && !document.hidden && navigator.onLine;
  }

  #schedule(time) {
    clearTimeout(this.#timer);
    const jittered = time * (0.8 + Math.random() * 0.4);
    // Timers of 25 days end at once.
    const wait = Math.max(jittered, Math.min(this.#notBefore - Date.now(), LONGEST));
    if (this.isConnected && !Celebrations.#isOver) {
      this.#timer = setTimeout(() => this.check(), wait);
    }
  }

  #recover(error) {
    Celebrations.#isOver ||= error.isFinal;
    // Without the API, show the list again.
    const isListed = Celebrations.#isOver && !this.#shown.size;
    if (isListed && this.#fallback) this.#fallback.hidden = false;
    this.#errors += 1;
    this.#notBefore = Date.now() + (error.wait ?? 0);
    this.#schedule(Math.min(POLL * 2 ** this.#errors, LONGEST));
  }

  #listen() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    const check = () => this.check();
    document.addEventListener("visibilitychange", () => this.#turn(), { signal });
    document.addEventListener("gamification:check", check, { signal });
    document.addEventListener("keydown", (event) => this.#key(event), { signal });
    addEventListener("online", check, { signal });
    addEventListener("pagehide", () => this.#handOver(), { signal });
  }

  #turn() {
    for (const toast of this.#toasts) this.#count(toast);
    if (document.hidden) clearTimeout(this.#timer);
    else this.check();
  }

  // Celebrations that are there at load

  #box() {
    const box = make("div", "gamification-toasts");
    box.dataset.gamificationToasts = "";
    box.setAttribute("aria-live", "polite");
    box.setAttribute("aria-relevant", "additions");
    this.append(box);
    return box;
  }

  #adopt(list) {
    if (!list) return;
    const items = [...list.querySelectorAll("[data-celebration]")];
    this.#known = items.map((item) => jsonOf(item.dataset.celebration, {}));
    this.#fallback = list;
    list.hidden = true;
  }

  // The API

  async #ask(path, body) {
    const address = new URL(path, new URL(this.getAttribute("src"), document.baseURI));
    const headers = { Accept: "application/json" };
    if (body === undefined) return fetch(address, { headers });
    const field = this.querySelector("[name=csrfmiddlewaretoken]");
    const token = field?.value ?? this.dataset.csrfToken ?? "";
    headers["Content-Type"] = "application/json";
    headers[this.dataset.csrfHeader || "X-CSRFToken"] = token;
    // An acknowledgement arrives even if the user leaves.
    return fetch(address, { method: "POST", headers, body, keepalive: body !== "" });
  }

  async #pending() {
    this.#takeOver();
    await this.#tell();
    const known = this.#known;
    this.#known = null;
    if (known?.length) return this.#free(known, Date.now());
    const answer = await this.#ask("?limit=50");
    if (!answer.ok) throw new Refused(answer);
    const { results } = await answer.json();
    return this.#free(results, timeOf(answer));
  }

  #free(celebrations, now) {
    const again = celebrations.filter(({ id }) => this.#shown.has(id));
    for (const { id } of again) this.#untold.add(id);
    const isKnown = ({ id, kind, data }) => id && data && KINDS.includes(kind);
    const isClaimed = (one) =>
      Date.parse(one.claimed_until) > now && !this.#isMine(one);
    const isFree = (one) => !this.#shown.has(one.id) && !isClaimed(one);
    return celebrations.filter((one) => isKnown(one) && isFree(one));
  }

  /** Claim celebrations, and return those that this page may show.

      The page that claims the first one plays all of them, in their order. */
  async #claim([first, ...others]) {
    if (!first || !(await this.#claimOne(first))) return [];
    const isMine = await Promise.all(others.map((one) => this.#claimOne(one)));
    return [first, ...others.filter((_, index) => isMine[index])];
  }

  #isMine({ id }) {
    return this.#claims.get(id) > Date.now();
  }

  async #claimOne({ id }) {
    if (this.#isMine({ id })) return true;
    // The server counts the minute from before a slow answer.
    const until = Date.now() + CLAIM;
    const answer = await this.#ask(`${id}/claim/`, "");
    if (answer.ok) this.#claims.set(id, until);
    else if (!LOST.includes(answer.status)) throw new Refused(answer);
    return answer.ok;
  }

  /** Acknowledge shown celebrations; retry on the next turn if that fails. */
  async #tell() {
    const ids = [...this.#untold];
    if (!ids.length) return;
    const answer = await this.#ask("acknowledge/", JSON.stringify({ ids }));
    if (!answer.ok) throw new Refused(answer);
    for (const id of ids) this.#untold.delete(id);
  }

  /** Leave claims and pending acknowledgements to the next page.

      The browser may show this page again, which then holds no claims. */
  #handOver() {
    const claims = [...this.#claims].filter(([id]) => !this.#shown.has(id));
    this.#claims.clear();
    if (!claims.length && !this.#untold.size) return;
    const before = takeHandover();
    storeHandover({
      claims: [...before.claims, ...claims],
      untold: [...before.untold, ...this.#untold],
    });
  }

  #takeOver() {
    const { claims, untold } = takeHandover();
    for (const [id, until] of claims) this.#claims.set(id, until);
    for (const id of untold) this.#noteShown(id);
  }

  #noteShown(id) {
    this.#shown.add(id);
    this.#untold.add(id);
  }

  // The show

  async #show(celebrations) {
    const cards = grouped(await this.#claim(inOrder(celebrations)));
    const [first, rest] = [cards.slice(0, AT_ONCE), cards.slice(AT_ONCE)];
    if (rest.length) first.push(rest.flat());
    for (const [index, card] of first.entries()) {
      const isLast = index === AT_ONCE;
      if (!this.#mayRun() || this.#toasts.length > AT_ONCE - !isLast) return;
      // Meanwhile the page may have left them to the next one.
      const mine = card.filter((one) => this.#isMine(one));
      if (await this.#play(mine, isLast && rest.length > 1)) await pause(STAGGER);
    }
  }

  async #play(card, isMore) {
    for (const { id } of card) this.#noteShown(id);
    const left = card.filter((one) => this.#send("before", one));
    if (left.length) this.#open(left, isMore);
    await this.#tell();
    return left.length > 0;
  }

  #send(name, detail) {
    const options = { detail, bubbles: true, cancelable: name === "before" };
    return this.dispatchEvent(new CustomEvent(`gamification:${name}`, options));
  }

  #open(celebrations, isMore) {
    const content = isMore ? this.#summary(celebrations) : this.#content(celebrations);
    const toast = this.#build(content);
    toast.celebrations = celebrations;
    const length = `${content.title}${content.text}`.length;
    toast.stay = Math.max(STAY, STAY_PER_CHARACTER * length);
    this.#toasts.push(toast);
    this.#toastsBox.append(toast);
    this.#move(toast, isMore ? 0 : content.kind === "level" ? 120 : 70);
    this.#count(toast);
    for (const one of celebrations) this.#send("shown", one);
  }

  #build({ kind, title, text, icon, href, link }) {
    const toast = make("div", `gamification-toast gamification-toast--${kind}`);
    const words = make("div", "gamification-toast__words");
    words.append(make("p", "gamification-toast__title", title));
    if (text) words.append(make("p", "gamification-toast__text", text));
    if (href) words.append(this.#link(href, link));
    toast.append(...this.#icon(icon), words, this.#closer(toast, title));
    toast.isKept = Boolean(href);
    for (const name of ["pointerenter", "pointerleave", "focusin", "focusout"]) {
      toast.addEventListener(name, (event) => this.#attend(toast, event));
    }
    return toast;
  }

  #link(href, text) {
    const link = make("a", "gamification-toast__link", text);
    link.href = href;
    return link;
  }

  #closer(toast, title) {
    const button = make("button", "gamification-toast__close", "×");
    button.type = "button";
    button.setAttribute("aria-label", this.#say("close", { title }));
    button.addEventListener("click", () => this.#close(toast));
    return button;
  }

  #icon(icon) {
    if (!icon) return [];
    const frame = make("span", "gamification-toast__icon");
    frame.setAttribute("aria-hidden", "true");
    const base = this.getAttribute("badges");
    const isName = /^[a-z][a-z0-9_-]*$/.test(icon);
    const source = isName ? base && `${base}${icon}.svg` : /[/]/.test(icon) && icon;
    if (source) {
      const image = Object.assign(new Image(), { src: source, alt: "" });
      image.addEventListener("error", () => frame.remove());
      frame.append(image);
    } else if (!isName) frame.textContent = icon;
    return source || !isName ? [frame] : [];
  }

  // Words

  #say(name, values) {
    const numbers = new Intl.NumberFormat(this.#language());
    const text = (value) => (typeof value === "number" ? numbers.format(value) : value);
    const fill = (whole, key) => text(values[key] ?? whole);
    return this.#words[name].replace(/\{(\w+)\}/g, fill);
  }

  #language() {
    const lang = this.closest("[lang]")?.lang;
    return lang && Intl.NumberFormat.supportedLocalesOf(lang).length ? lang : undefined;
  }

  #list(items) {
    return new Intl.ListFormat(this.#language()).format(items);
  }

  #content(celebrations) {
    const last = highest(celebrations);
    const { kind, data } = last;
    // Only the title says which time it was.
    const facts = celebrations.map(({ title, data }) => ({ ...data, title }));
    const made = this.#wording(kind, facts);
    // Its own words would leave out the others, and the levels between.
    const own = celebrations.length > 1 || kind === "level" ? {} : last;
    const isNamed = kind === "level" && data.name;
    const title = own.title || (isNamed && last.title) || made.title;
    return {
      kind,
      icon: data.icon_url || data.icon || ICONS[kind],
      title,
      text: own.text || made.text,
      href: addressOf(last.url),
      link: this.#words.link,
    };
  }

  #wording(kind, all) {
    if (kind === "level") return this.#level(all);
    return kind === "streak" ? this.#streak(all) : this.#achievement(all);
  }

  #achievement(all) {
    const xp = all.reduce((sum, data) => sum + (data.xp ?? 0), 0);
    const titles = all.map(({ title, name }) => title || name);
    const word = all.length > 1 ? "tiers" : xp ? "achievement" : "unpaid";
    const names = this.#list(titles);
    return { title: titles.at(-1), text: this.#say(word, { names, xp }) };
  }

  #level(all) {
    const from = Math.min(...all.map((data) => data.from));
    const to = Math.max(...all.map((data) => data.to));
    const steps = Array.from({ length: to - from - 1 }, (_, i) => `${from + i + 1}`);
    const isLong = steps.length > 4;
    const between = isLong ? `${steps[0]}–${steps.at(-1)}` : this.#list(steps);
    const text = this.#say(steps.length ? "levels" : "levelText", { from, between });
    return { title: this.#say("level", { to }), text };
  }

  #streak(all) {
    const days = Math.max(...all.map((data) => data.days));
    return {
      title: this.#say("streak", { days }),
      text: this.#say("streakText", { days }),
    };
  }

  #summary(celebrations) {
    const titles = grouped(celebrations).map((card) => this.#content(card).title);
    const text = this.#list(titles.slice(0, MOST_NAMED));
    return {
      kind: "more",
      icon: ICONS.more,
      title: this.#say("more", { count: celebrations.length }),
      text: text + (titles.length > MOST_NAMED ? " …" : ""),
      href: addressOf(this.getAttribute("more-href")),
      link: this.#words.moreLink,
    };
  }

  // How long a toast stays

  #attend(toast, { type, relatedTarget }) {
    const isEntered = type === "focusin" && !toast.contains(relatedTarget);
    if (isEntered) toast.origin = relatedTarget;
    this.#count(toast);
  }

  /** Start to count, unless somebody reads the toast, or cannot see it.

      When focus leaves, the toast still matches `:focus-within` for a moment. */
  #count(toast) {
    clearTimeout(toast.timer);
    if (!this.#toasts.includes(toast)) return;
    toast.timer = setTimeout(() => {
      const isRead = toast.isKept || toast.matches(":hover, :focus-within");
      const above = toast.offsetTop - this.#toasts[0].offsetTop;
      const bottom = above + toast.offsetHeight;
      toast.isBelow = above && bottom > this.#toastsBox.clientHeight;
      if (isRead || toast.isBelow || document.hidden) return;
      toast.timer = setTimeout(() => this.#close(toast), toast.stay);
    });
  }

  #key(event) {
    if (event.key !== "Escape" || event.defaultPrevented || event.isComposing) return;
    if (this.#toasts.length && !document.querySelector(":modal")) {
      this.#close(this.#toasts.at(-1));
    }
  }

  #close(toast) {
    // The document does not tell which element in a shadow tree has focus.
    const hadFocus = toast.contains(this.getRootNode().activeElement);
    this.#remove(toast);
    if (hadFocus) this.#returnFocus(toast.origin);
  }

  #returnFocus(origin) {
    const next = this.#toasts.at(-1)?.querySelector("button");
    const isThere = origin?.isConnected && !this.#toastsBox.contains(origin);
    (isThere ? origin : next)?.focus();
  }

  #remove(toast) {
    clearTimeout(toast.timer);
    this.#toasts = this.#toasts.filter((other) => other !== toast);
    toast.remove();
    for (const other of this.#toasts) if (other.isBelow) this.#count(other);
    for (const one of toast.celebrations) this.#send("done", one);
  }

  // Motion

  #isStill() {
    const isQuiet = this.getAttribute("mode") === "quiet";
    const query = "(prefers-reduced-motion: reduce), (forced-colors: active)";
    return isQuiet || matchMedia(query).matches;
  }

  #move(toast, pieces) {
    if (this.#isStill()) return;
    const from = { opacity: 0, transform: "translateY(1.5rem) scale(.96)" };
    const easing = "cubic-bezier(.2, 1.4, .4, 1)";
    toast.animate([from, {}], { duration: 350, easing });
    if (pieces) this.#throw(toast.getBoundingClientRect(), pieces);
  }

  #throw(origin, count) {
    const box = make("div", "gamification-confetti");
    box.setAttribute("aria-hidden", "true");
    box.append(...Array.from({ length: count }, () => make("i", "")));
    this.append(box);
    for (const piece of box.children) this.#fling(piece, origin);
    setTimeout(() => box.remove(), CONFETTI);
  }

  #fling(piece, { left, top, width, height }) {
    const random = (least, most) => least + Math.random() * (most - least);
    const [x, y] = [left + width / 2 + random(-0.3, 0.3) * width, top + height / 2];
    const [dx, rise] = [random(-260, 260), random(120, 420)];
    const place = (toX, toY, turns) => ({
      transform: `translate(${toX}px, ${toY}px) rotate(${turns}turn)`,
    });
    const peak = place(x + dx * 0.7, y - rise, random(-1, 1));
    piece.style.backgroundColor = COLOURS[Math.floor(random(0, COLOURS.length))];
    const frames = [
      { ...place(x, y, 0), opacity: 1, easing: "cubic-bezier(.1, .7, .4, 1)" },
      { ...peak, opacity: 1, offset: 0.4, easing: "ease-in" },
      { ...place(x + dx, y + 80, random(-2, 2)), opacity: 0 },
    ];
    const delay = random(0, 150);
    piece.animate(frames, { duration: CONFETTI - 200, delay, fill: "both" });
  }
}

customElements.get("gamification-celebrations") ??
  customElements.define("gamification-celebrations", Celebrations);
