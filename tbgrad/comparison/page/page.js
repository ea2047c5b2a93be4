"use strict";
// The charts of the page. What comes from logs is put into the page as text, never as markup.
const data = JSON.parse(document.getElementById("data").textContent);
const SVG = "http://www.w3.org/2000/svg", SVG_NAMES = new Set(["svg", "g", "path", "line", "circle", "text"]);
const BEST = 10, MOST_TOLD = 10;
const NARROW = 560; // pixels

function element(name, attributes = {}, ...children) {
    const made = SVG_NAMES.has(name) ? document.createElementNS(SVG, name) : document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children);
    return made;
}

// Steps are differences of 16 or 32 bits, or floats; values are floats of 32 bits.
function decoded(chart) {
    const bytes = Uint8Array.from(atob(chart.data), sign => sign.charCodeAt(0)).buffer;
    let at = 0;
    const take = (kind, n) => new kind(bytes.slice(at, at += n * kind.BYTES_PER_ELEMENT));
    return chart.runs.map((run, i) => {
        const n = chart.points[i], kind = {H: Uint16Array, I: Uint32Array, d: Float64Array}[chart.kinds[i]];
        const x = Float64Array.from(take(kind, n)), y = take(Float32Array, n);
        if (kind !== Float64Array) for (let k = 0, sum = chart.first[i]; k < n; k++) x[k] = sum += x[k];
        return {run, x, y, total: chart.totals[i]};
    });
}

// Seven digits are what a float of 32 bits has.
const spelled = y => String(Number(y.toPrecision(7))).replace("-", "−");
const grouped = x => x.toLocaleString("en-US", {maximumFractionDigits: 4});
function short(y) {
    const size = Math.abs(y), text = Number(y.toPrecision(6));
    return (size && (size >= 1e6 || size < 1e-3) ? text.toExponential() : String(text)).replace("e+", "e").replace(/-/g, "−");
}

// A scale from numbers to pixels, and its ticks.
function scale(low, high, from, to, log, room) {
    const f = log ? Math.log10 : x => x;
    let a = f(low), b = f(high);
    if (!(b > a)) [a, b] = log ? [a - 0.5, b + 0.5] : [a - (Math.abs(a) / 10 || 1), b + (Math.abs(b) / 10 || 1)];
    const place = x => from + (f(x) - a) / (b - a) * (to - from);
    const ticks = [];
    if (log && b - a >= 1) {
        const step = Math.ceil((b - a) / room);
        const parts = b - a < room / 3 ? [1, 2, 5] : [1];
        for (let k = Math.floor(a / step) * step; k <= b; k += step)
            for (const part of parts) ticks.push(Number(`${part}e${k}`));
    } else {
        const [l, h] = log ? [10 ** a, 10 ** b] : [a, b];
        const rough = (h - l) / room, power = 10 ** Math.floor(Math.log10(rough));
        const step = power * [1, 2, 5, 10].find(m => m * power >= rough);
        for (let k = Math.ceil(l / step); k * step <= h; k++) ticks.push(Number((k * step).toPrecision(12)));
    }
    return {place, ticks: ticks.filter(t => f(t) >= a - 1e-9 && f(t) <= b + 1e-9)};
}

class Chart {
    // root: holds what is drawn. look: run or solver -> {name, style: [colour, dash]}. words: texts of a point.
    constructor(root, look, words, options = {}) {
        Object.assign(this, {root, look, words, options, curves: [], on: new Set(), log: false, strong: null});
        this.tip = element("div", {class: "tip", role: "status", hidden: ""});
        this.svg = element("svg", {tabindex: 0, role: "img"});
        root.replaceChildren(this.svg, this.tip);
        for (const kind of ["pointermove", "pointerdown"]) this.svg.addEventListener(kind, e => this.point(e));
        this.svg.addEventListener("pointerleave", () => this.leave());
        this.svg.addEventListener("blur", () => this.leave());
        this.svg.addEventListener("keydown", e => this.key(e));
        new ResizeObserver(() => root.clientWidth !== this.width && this.draw()).observe(root);
    }

    get shown() { return this.curves.filter(curve => this.on.has(curve.run)); }
    usable(y) { return Number.isFinite(y) && (!this.log || y > 0); }

    draw() {
        const width = this.width = this.root.clientWidth, height = Math.round(Math.min(460, Math.max(250, width * 0.5)));
        const {svg, options} = this, shown = this.shown;
        this.hideTip();
        svg.replaceChildren();
        svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
        svg.setAttribute("aria-label", options.label ?? "");
        let [x0, x1, y0, y1] = [Infinity, -Infinity, Infinity, -Infinity];
        for (const {x, y} of shown) {
            x0 = Math.min(x0, x[0]);
            x1 = Math.max(x1, x[x.length - 1]);
            for (const v of y) if (this.usable(v)) { y0 = Math.min(y0, v); y1 = Math.max(y1, v); }
        }
        if (!(y1 >= y0)) {
            const why = shown.length ? "There is nothing finite to draw here." : "No run is switched on.";
            svg.append(element("text", {x: width / 2, y: height / 2, class: "middle"}, why));
            return;
        }
        if (options.range) [y0, y1] = options.range;
        const left = 62, right = width - 28, top = 12, bottom = height - 42;
        this.x = scale(x0, x1, left, right, options.xlog, width < NARROW ? 4 : 8);
        this.y = scale(y0, y1, bottom - 4, top + 4, this.log, 6);
        const grid = element("g", {class: "grid"});
        for (const t of this.x.ticks) {
            const x = this.x.place(t);
            grid.append(element("line", {x1: x, x2: x, y1: top, y2: bottom}));
            grid.append(element("text", {x, y: bottom + 16, class: "middle"}, options.xtick?.(t) ?? (Math.abs(t) < 1e6 ? grouped(t) : short(t))));
        }
        for (const t of this.y.ticks) {
            const y = this.y.place(t);
            grid.append(element("line", {x1: left, x2: right, y1: y, y2: y}));
            grid.append(element("text", {x: left - 6, y: y + 4, class: "end"}, options.ytick?.(t) ?? short(t)));
        }
        grid.append(element("text", {x: (left + right) / 2, y: height - 6, class: "middle"}, options.xlabel ?? "step"));
        svg.append(grid);
        // The best last, so that it lies on top.
        for (const curve of [...shown].reverse()) svg.append(this.line(curve));
        this.rule = element("line", {class: "rule", y1: top, y2: bottom, visibility: "hidden"});
        this.dot = element("circle", {class: "dot", r: 4.5, visibility: "hidden"});
        svg.append(this.rule, this.dot);
        this.emphasize(this.strong);
    }

    line(curve) {
        const [colour, dash] = this.look(curve.run).style, parts = [];
        let pen = false;
        curve.y.forEach((y, i) => {
            if (!this.usable(y)) return void (pen = false);
            const at = [this.x.place(curve.x[i]), this.y.place(y)].map(v => v.toFixed(1));
            // A point between two gaps is a dot, which a line of no length draws.
            if (!pen) parts.push(`M${at}l0 0`);
            else parts.push(this.options.stairs ? `H${at[0]}V${at[1]}` : `L${at}`);
            pen = true;
        });
        return element("path", {d: parts.join(""), class: `curve r${colour} d${dash}`, "data-run": curve.run});
    }

    emphasize(run) {
        this.strong = run;
        for (const path of this.svg.querySelectorAll(".curve"))
            path.classList.toggle("faint", run !== null && Number(path.dataset.run) !== run);
    }

    nearest(x, y) {
        let found = null, least = Infinity;
        for (const curve of this.shown) {
            const n = curve.x.length, start = this.index(curve, x);
            for (const way of [-1, 1]) {
                for (let i = way < 0 ? start : start + 1; i >= 0 && i < n; i += way) {
                    const dx = this.x.place(curve.x[i]) - x;
                    if (dx * dx >= least) break;
                    if (!this.usable(curve.y[i])) continue;
                    const distance = dx * dx + (this.y.place(curve.y[i]) - y) ** 2;
                    if (distance < least) [found, least] = [{curve, i}, distance];
                }
            }
        }
        return found;
    }

    // The last point at or left of a pixel.
    index(curve, x) {
        let low = 0, high = curve.x.length - 1;
        while (low < high) {
            const middle = (low + high + 1) >> 1;
            if (this.x.place(curve.x[middle]) <= x) low = middle; else high = middle - 1;
        }
        return low;
    }

    point(event) {
        if (!this.rule?.isConnected) return;
        const box = this.svg.getBoundingClientRect(), zoom = this.width / box.width;
        this.tell(this.nearest((event.clientX - box.left) * zoom, (event.clientY - box.top) * zoom));
    }

    tell(found) {
        if (!found) return;
        this.at = found;
        const {curve, i} = found, x = this.x.place(curve.x[i]), y = this.y.place(curve.y[i]);
        for (const [key, value] of Object.entries({x1: x, x2: x, visibility: "visible"})) this.rule.setAttribute(key, value);
        for (const [key, value] of Object.entries({cx: x, cy: y, visibility: "visible"})) this.dot.setAttribute(key, value);
        this.dot.setAttribute("class", `dot r${this.look(curve.run).style[0]}`);
        const [head, value] = this.words(curve.x[i], curve.y[i]);
        const rows = [element("b", {}, this.look(curve.run).name), element("span", {class: "value"}, value), element("span", {class: "step"}, head)];
        const others = this.options.stairs ? [] : this.shown.filter(other => other !== curve);
        // On a phone they would cover the chart.
        if (others.length && others.length < MOST_TOLD && this.width >= NARROW) rows.push(this.others(others, curve.x[i], x));
        this.tip.replaceChildren(...rows);
        this.tip.hidden = false;
        const side = x > this.width / 2 ? x - this.tip.offsetWidth - 14 : x + 14;
        this.tip.style.left = `${Math.max(0, Math.min(side, this.width - this.tip.offsetWidth))}px`;
        this.tip.style.top = `${Math.max(0, Math.min(y - 20, this.root.clientHeight - this.tip.offsetHeight))}px`;
    }

    // What the other curves have at this step, or at the nearest one that they show.
    others(curves, step, x) {
        const rows = curves.map(curve => {
            let i = this.index(curve, x + 0.01);
            if (i + 1 < curve.x.length && Math.abs(curve.x[i + 1] - step) < Math.abs(curve.x[i] - step)) i++;
            const aside = curve.x[i] === step ? "" : ` at ${grouped(curve.x[i])}`;
            const {name, style} = this.look(curve.run);
            const cells = [element("td", {}, swatch(style), name), element("td", {}, spelled(curve.y[i]) + aside)];
            return element("tr", {}, ...cells);
        });
        return element("table", {}, ...rows);
    }

    key(event) {
        const shown = this.shown, ways = {ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0]};
        if (!ways[event.key] || !shown.length) return;
        event.preventDefault();
        const [row, column] = ways[event.key], at = shown.indexOf(this.at?.curve);
        if (at < 0) return this.tell(this.nearest(this.width / 2, 0));
        const curve = shown[(at + row + shown.length) % shown.length];
        let i = row ? this.index(curve, this.x.place(this.at.curve.x[this.at.i]) + 0.01) : this.at.i + column;
        while (curve.y[i] !== undefined && !this.usable(curve.y[i])) i += column || -1;
        if (curve.y[i] !== undefined) this.tell({curve, i});
    }

    hideTip() { this.tip.hidden = true; this.at = null; }
    leave() {
        this.hideTip();
        for (const mark of [this.rule, this.dot]) mark?.setAttribute("visibility", "hidden");
    }
}

function swatch([colour, dash]) {
    const line = element("path", {d: "M1 6H33", class: `curve r${colour} d${dash}`});
    return element("svg", {viewBox: "0 0 34 12", class: "swatch", "aria-hidden": "true"}, line);
}

// Buttons that switch curves on and off. entries: [id, name, style, the heading that it stands under].
function legend(root, chart, entries) {
    const buttons = new Map();
    const update = () => {
        for (const [id, button] of buttons) button.setAttribute("aria-pressed", chart.on.has(id));
        chart.changed?.();
        chart.draw();
    };
    let heading = "";
    root.replaceChildren();
    for (const [id, name, style, over] of entries) {
        if (over && over !== heading) {
            const members = entries.filter(entry => entry[3] === over).map(entry => entry[0]);
            const all = element("button", {type: "button", class: "group"}, over);
            all.addEventListener("click", () => {
                const is_on = members.every(member => chart.on.has(member));
                for (const member of members) chart.on[is_on ? "delete" : "add"](member);
                update();
            });
            root.append(all);
        }
        heading = over;
        const button = element("button", {type: "button", title: name, "data-run": id}, swatch(style), element("span", {}, name));
        button.addEventListener("click", () => { chart.on.has(id) ? chart.on.delete(id) : chart.on.add(id); update(); });
        for (const kind of ["pointerenter", "focus"]) button.addEventListener(kind, () => chart.on.has(id) && chart.emphasize(id));
        for (const kind of ["pointerleave", "blur"]) button.addEventListener(kind, () => chart.emphasize(null));
        buttons.set(id, button);
        root.append(button);
    }
    update();
    return update;
}

// The curves of the runs: one function and one tag at a time.
function curves() {
    const get = id => document.getElementById(id), [sets, tags, log, note] = ["set", "tag", "log", "note"].map(get);
    const look = run => data.runs[run];
    const chart = new Chart(get("chart"), look, (x, y) => [`step ${grouped(x)}`, spelled(y)]);
    const ready = new Map();
    let members = [], update = () => {};

    // With groups the best of each group; else the best.
    function best() {
        const groups = new Set(members.map(run => look(run).group)), each = Math.max(1, Math.floor(BEST / groups.size));
        const counts = {};
        const first = members.filter(run => (counts[look(run).group] = (counts[look(run).group] ?? 0) + 1) <= each);
        return first.slice(0, BEST);
    }
    function choose_set() {
        const set = data.sets[sets.value];
        members = set.runs;
        const having = data.charts.filter(one => one.runs.some(run => members.includes(run))), before = tags.value;
        tags.replaceChildren(...having.map(one => element("option", {value: one.tag}, one.tag)));
        tags.value = [before, set.tag, having[0]?.tag].find(tag => having.some(one => one.tag === tag)) ?? "";
        chart.on = new Set(best());
        get("switches").hidden = members.length < 2;
        get("best").hidden = members.length <= BEST;
        get("best").textContent = look(members[0]).group ? "best of each group" : `best ${BEST}`;
        choose_tag();
        const entries = members.map(run => [run, look(run).name, look(run).style, look(run).group]);
        if (entries.some(entry => entry[3])) entries.sort((a, b) => set.groups.indexOf(a[3]) - set.groups.indexOf(b[3]));
        update = legend(get("legend"), chart, entries);
    }
    function choose_tag() {
        const one = data.charts.find(one => one.tag === tags.value);
        if (!ready.has(one)) ready.set(one, decoded(one));
        chart.curves = ready.get(one).filter(curve => members.includes(curve.run));
        // Logarithmic where all is positive and spans more than two decades.
        let low = Infinity, high = 0;
        for (const {y} of chart.curves) for (const v of y) if (Number.isFinite(v)) { low = Math.min(low, v); high = Math.max(high, v); }
        chart.log = log.checked = low > 0 && high / low > 100;
        chart.options.label = `${one.tag} over the steps`;
        const where = data.sets.length > 1 ? ` on ${data.sets[sets.value].name}` : "";
        get("about").textContent = `${one.tag}${where}${one.about && ": "}${one.about}`;
    }
    chart.changed = () => {
        const shown = chart.shown, sum = list => list.reduce((a, b) => a + b, 0);
        const points = sum(shown.map(curve => curve.x.length)), total = sum(shown.map(curve => curve.total));
        const hidden = chart.log ? sum(shown.map(curve => curve.y.filter(v => v <= 0).length)) : 0;
        const thinned = `${grouped(points)} of ${grouped(total)} points: of each stretch of steps the lowest and the highest value stay.`;
        note.textContent = (points < total ? thinned : points ? `All ${grouped(points)} points.` : "")
            + (hidden ? ` ${grouped(hidden)} that are not positive are not shown on a logarithmic axis.` : "");
    };
    const redraw = () => { chart.changed(); chart.draw(); };
    const set_on = runs => { chart.on = new Set(runs); update(); };
    sets.replaceChildren(...data.sets.map((set, i) => element("option", {value: i}, set.name)));
    // At first the function with the most runs.
    sets.value = data.sets.reduce((most, set, i) => set.runs.length > data.sets[most].runs.length ? i : most, 0);
    sets.closest("label").hidden = data.sets.length < 2;
    sets.addEventListener("change", choose_set);
    tags.addEventListener("change", () => { choose_tag(); redraw(); });
    log.addEventListener("change", () => { chart.log = log.checked; redraw(); });
    get("all").addEventListener("click", () => set_on(members));
    get("none").addEventListener("click", () => set_on([]));
    get("best").addEventListener("click", () => set_on(best()));
    choose_set();
}

function profile({names, styles, curves}) {
    const look = k => ({name: names[k], style: styles[k]});
    const percent = y => `${Math.round(y * 100)} %`, times = x => `${short(Number(x.toPrecision(3)))}×`;
    const words = (x, y) => [`within ${times(x)} the least cost`, percent(y)];
    const options = {stairs: true, xlog: true, range: [0, 1], xtick: times, ytick: percent};
    options.xlabel = "cost, as a multiple of the least on the same problem";
    options.label = "performance profile: the share of problems solved over the cost";
    const root = document.getElementById("profile-chart");
    root.hidden = false;
    const chart = new Chart(root, look, words, options);
    chart.curves = curves.map(([x, y], run) => ({run, x, y, total: x.length}));
    chart.on = new Set(names.keys());
    legend(document.getElementById("profile-legend"), chart, names.map((name, k) => [k, name, styles[k], ""]));
}

if (data.charts.length) curves();
if (data.profile) profile(data.profile);
