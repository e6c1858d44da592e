"""Opens report pages in headless Chromium, as a reader would.

Properties proved here, on made-up results whose numbers this file works out for itself:
  - no page prints, throws or asks for anything from outside, and a page that did would be noticed
  - every chart is drawn: on a desk and on a phone, in light and in dark, with other colours in dark
  - nothing is wider than the screen, and text from outside (names, samples) stands on the page as text
  - the numbers in tables and charts are those of results.json
  - one seed compares nothing
  - the page of `rotary inspect` too is drawn everywhere, and its curves are the wavelengths of the config's rotations
  - the maps of `rotary doctor` are drawn everywhere, say under the pointer by how much a pair is off, and are blank where nothing
    is off

Usage: page_test.py PROGRAM
"""

import json
import math
import os
import re
import statistics
import subprocess
import sys
import tempfile
import unittest

from browser import Browser

PROGRAM = None
EVIL = "</script><img src=x onerror=alert(1)>&amp; \u00e9\u4e16\ufffd"
MINUS = "\u2212"


# Two kinds of layers, one of them scaled; layers without rotation; three axes and a tower of images.
CONFIGS = {
    "gemma3_text": {"head_dim": 256, "num_hidden_layers": 26, "sliding_window": 512, "sliding_window_pattern": 6,
                    "max_position_embeddings": 131072, "rope_scaling": {"rope_type": "linear", "factor": 8.0}},
    "smollm3": {"hidden_size": 2048, "num_attention_heads": 16, "num_hidden_layers": 36, "no_rope_layer_interval": 4,
                "max_position_embeddings": 65536, "rope_theta": 5000000.0},
    "qwen2_vl": {"hidden_size": 1536, "num_attention_heads": 12, "num_hidden_layers": 28, "max_position_embeddings": 32768,
                 "rope_theta": 1000000.0, "rope_scaling": {"type": "mrope", "mrope_section": [16, 24, 24]},
                 "vision_config": {"model_type": "qwen2_vl", "depth": 32, "embed_dim": 1280, "num_heads": 16}},
}


def made_up_run(encoding, seed, shift, rises, masked):
    """Curves without noise: 5 - 0.4 log(step) + shift, and a little more for later seeds."""
    shift += 0.01 * seed
    steps = [s for s in range(1, 51)] + [s + 0.5 for s in range(51, 399, 2)]
    kinds = [("given", "To be, "), ("written", EVIL)]
    if masked:
        kinds = [("given", "To "), ("right", "b"), ("wrong", "x"), ("given", EVIL)]
    sample = [{"kind": kind, "text": text, **({"truth": "<e>"} if kind == "wrong" else {})} for kind, text in kinds]
    final = 5 - 0.4 * math.log(400) + shift + 0.003 * ((seed * 7) % 3)
    return {
        "encoding": encoding, "seed": seed, "parameters": 123456,
        "training": {"step": steps, "count": [1 if s == int(s) else 2 for s in steps], "seconds": [s / 50 for s in steps],
                     "loss": [5 - 0.4 * math.log(s) + shift for s in steps]},
        "held_out": [{"step": s, "loss": 5.02 - 0.4 * math.log(s) + shift} for s in (100, 200, 300, 400)],
        "final_loss": final,
        "lengths": [{"tokens": 64 * 2**i, "loss": None if rise is None else final + rise} for i, rise in enumerate(rises)],
        "tokens_per_second": 20000 + 10 * seed, "peak_memory": 91_000_000, "sample": sample,
    }


def made_up_experiment(arms, seeds, objective="causal"):
    runs = [made_up_run(encoding, seed, shift, rises, objective == "mlm")
            for encoding, shift, rises in arms for seed in range(1, seeds + 1)]
    return {"objective": objective, "attention": "softmax", "context": 64, "steps": 400, "length_targets": 8192,
            "rotation": {"head_dim": 4, "attention_factor": 1, "axes": 1, "first": [0, 1], "second": [2, 3],
                         "frequency": [[1], [0.01]]},
            "options": {"layers": 2, "lr": 0.002, "note": EVIL}, "encodings": [arm[0] for arm in arms],
            "seeds": list(range(1, seeds + 1)), "runs": runs}


def made_up_results(seeds):
    causal = [("rotary", 0, [0, 0.1, 0.5, 1]), ("sinusoidal", 0.1, [0, 0.9, 1.5, 2]),
              ("learned", 0.2, [0, None, None, None]), ("alibi", -0.05, [0, -0.02, -0.03, -0.03]),
              ("none", 0.3, [0, 0.2, 0.4, 0.9])]
    masked = [("rotary", 0, [0, 0.1, 0.2, 0.3]), ("none", 1.5, [0, 0, 0, 0])]
    return {
        "format": 1, "command": "rotary compare '" + EVIL + "' --out out", "note": EVIL,
        "machine": {"cpu": EVIL, "cores": 2, "simd": "AVX2", "compiler": "GCC"},
        "text": {"files": [{"name": EVIL, "bytes": 900, "sha256": "0" * 64}, {"name": "b", "bytes": 100, "sha256": "1" * 64}],
                 "training_bytes": 900, "held_out_bytes": 100, "sha256": "2" * 64},
        "experiments": [made_up_experiment(causal, seeds), made_up_experiment(masked, seeds, "mlm")],
    }


def runs_of(experiment, encoding):
    return [run for run in experiment["runs"] if run["encoding"] == encoding]


def with_error(values, digits):
    """A mean with its standard error, as the page writes it."""
    mean = f"{statistics.mean(values):.{digits}f}"
    if float(mean) == 0:
        mean = mean.lstrip("-")
    mean = mean.replace("-", MINUS)
    if len(values) < 2:
        return mean
    return f"{mean} ± {statistics.stdev(values) / math.sqrt(len(values)):.{digits}f}"


TABLE = """
[...document.querySelectorAll(`#${ID} tbody tr`)].map(row => [...row.children].map(cell => cell.textContent))
"""

CHARTS = """
[...document.querySelectorAll('canvas')].map(canvas => {
  // From a copy: reading the canvas itself would make the browser complain about this test.
  const copy = Object.assign(document.createElement('canvas'), {width: canvas.width, height: canvas.height})
      .getContext('2d', {willReadFrequently: true});
  copy.drawImage(canvas, 0, 0);
  const pixels = copy.getImageData(0, 0, canvas.width, canvas.height).data;
  const colours = new Map();
  for (let i = 0; i < pixels.length; i += 4) {
    if (pixels[i + 3] < 128) continue;
    const key = pixels.slice(i, i + 3).join();
    colours.set(key, (colours.get(key) || 0) + 1);
  }
  const chart = Chart.getChart(canvas);
  return {
    title: canvas.closest('figure').querySelector('h3').textContent,
    width: canvas.clientWidth,
    height: canvas.clientHeight,
    colours: colours.size,
    drawn: [...colours.values()].reduce((sum, count) => sum + count, 0) / (canvas.width * canvas.height),
    lines: chart.data.datasets.filter(set => set.label).map(set => ({
      name: set.label, colour: set.borderColor, points: set.data.map(point => [point.x, point.y])})),
  };
})
"""


class PageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.browser = Browser()
        cls.results, cls.pages = {}, {}
        for seeds in (1, 3):
            out = os.path.join(cls.folder.name, f"seeds-{seeds}")
            os.mkdir(out)
            cls.results[seeds] = made_up_results(seeds)
            source = os.path.join(out, "made-up.json")
            with open(source, "w", encoding="utf-8") as file:
                json.dump(cls.results[seeds], file)
            subprocess.run([PROGRAM, "compare", "--from", source, "--out", out], check=True, stdout=subprocess.DEVNULL)
            cls.pages[seeds] = os.path.join(out, "report.html")

    @classmethod
    def tearDownClass(cls):
        cls.browser.__exit__()
        cls.folder.cleanup()

    def table(self, page, name):
        return {row[0]: row[1:] for row in page.value(TABLE.replace("${ID}", name))}

    def test_every_chart_is_drawn_everywhere(self):
        colours = {}
        for width in (1280, 390):
            for dark in (False, True):
                with self.subTest(width=width, dark=dark):
                    page = self.browser.open(self.pages[3], width=width, dark=dark)
                    self.assertEqual(page.problems, [])
                    charts = page.value(CHARTS)
                    # Two experiments: loss by step, gap, loss by time, held-out loss, loss by length, bound.
                    self.assertEqual(len(charts), 12)
                    for chart in charts:
                        self.assertGreater(chart["colours"], 20, chart["title"])
                        self.assertGreater(chart["drawn"], 0.01, chart["title"])
                        self.assertGreater(chart["width"], 300 if width == 390 else 400)
                        self.assertGreater(chart["height"], 200)
                    self.assertLessEqual(page.value("document.documentElement.scrollWidth"), width)
                    colours[dark] = {line["colour"] for chart in charts for line in chart["lines"]}
                    background = page.value("getComputedStyle(document.body).backgroundColor")
                    light = sum(int(part) for part in background.strip("rgb()").split(",")) > 3 * 128
                    self.assertEqual(light, not dark)
        self.assertFalse(colours[False] & colours[True])

    def test_colours_follow_the_reader(self):
        page = self.browser.open(self.pages[3], dark=False)
        before = page.value(CHARTS)[0]["lines"][0]["colour"]
        page.set_dark(True)
        page.settle()
        self.assertNotEqual(page.value(CHARTS)[0]["lines"][0]["colour"], before)
        self.assertEqual(page.problems, [])

    def test_text_from_outside_stays_text(self):
        page = self.browser.open(self.pages[3])
        self.assertEqual(page.value("document.images.length"), 0)
        self.assertEqual(page.value("document.querySelectorAll('.passage')[0].textContent"), "To be, " + EVIL)
        self.assertEqual(page.value("document.querySelector('mark.wrong').title"), "was: <e>")
        self.assertIn(EVIL, page.value("document.querySelector('#facts').textContent"))

    def test_tables_hold_the_numbers_of_the_results(self):
        for seeds in (1, 3):
            page = self.browser.open(self.pages[seeds])
            for number, experiment in enumerate(self.results[seeds]["experiments"], 1):
                final = self.table(page, f"experiment-{number}-final")
                lengths = self.table(page, f"experiment-{number}-lengths")
                first = [run["final_loss"] for run in runs_of(experiment, "rotary")]
                for encoding in experiment["encodings"]:
                    shown = {"alibi": "ALiBi", "none": "no positions"}.get(encoding, encoding)
                    runs = runs_of(experiment, encoding)
                    losses = [run["final_loss"] for run in runs]
                    row = final[shown]
                    self.assertEqual(row[0], with_error(losses, 3))
                    self.assertEqual(row[1], f"{statistics.mean(losses) / math.log(2):.3f}")
                    if seeds > 1 and encoding != "rotary":
                        self.assertEqual(row[2], with_error([a - b for a, b in zip(losses, first)], 3))
                    self.assertEqual(row[-3:], [f"{statistics.mean(r['tokens_per_second'] for r in runs):,.0f}", "91 MB", "123,456"])
                    for i in range(4):
                        values = [run["lengths"][i]["loss"] for run in runs]
                        self.assertEqual(lengths[shown][i], "cannot" if None in values else with_error(values, 3))

    def test_step_ratios_are_those_of_the_curves(self):
        # A shift of the loss by c multiplies the steps to any loss by exp(c / 0.4), for every seed alike.
        steps = self.table(self.browser.open(self.pages[3]), "experiment-1-steps")
        for shown, shift in (("sinusoidal", 0.1), ("ALiBi", -0.05)):
            for cell in steps[shown]:
                ratio, error = map(float, cell.split(" ± "))
                self.assertAlmostEqual(ratio, math.exp(shift / 0.4), delta=0.011)
                self.assertLess(error, 0.011)
        self.assertEqual(len(steps["rotary"]), len(steps["sinusoidal"]))
        self.assertTrue(all(cell.endswith(" steps") for cell in steps["rotary"]))

    def test_charts_hold_the_curves_of_the_results(self):
        page = self.browser.open(self.pages[3])
        charts = {chart["title"]: chart for chart in reversed(page.value(CHARTS))}  # those of the first experiment
        experiment = self.results[3]["experiments"][0]
        for encoding, shown in (("rotary", "rotary"), ("none", "no positions")):
            runs = runs_of(experiment, encoding)

            def line(title):
                return next(line for line in charts[title]["lines"] if line["name"] == shown)

            for x, y in line("Loss beyond the training length")["points"]:
                index = [length["tokens"] for length in runs[0]["lengths"]].index(x)
                self.assertAlmostEqual(y, statistics.mean(run["lengths"][index]["loss"] for run in runs), places=4)
            for x, y in line("Held-out loss by step")["points"]:
                self.assertAlmostEqual(y, 5.02 - 0.4 * math.log(x) + (0.3 if encoding == "none" else 0) + 0.02, places=4)
            # The curves are straight in log(step), so that smoothing leaves them as they are.
            for x, y in line("Loss by step")["points"]:
                self.assertAlmostEqual(y, 5 - 0.4 * math.log(x) + (0.3 if encoding == "none" else 0) + 0.02, places=3)
            self.assertEqual([round(50 * x, 1) for x, _ in line("Loss by time")["points"]],
                             [round(x, 1) for x, _ in line("Loss by step")["points"]])
        gaps = {line["name"]: line["points"] for line in charts["Gap to rotary by step"]["lines"]}
        self.assertEqual(set(gaps), {"sinusoidal", "learned", "ALiBi", "no positions"})
        self.assertTrue(all(abs(y - 0.1) < 1e-3 for _, y in gaps["sinusoidal"]))

    def test_one_seed_compares_nothing(self):
        page = self.browser.open(self.pages[1])
        self.assertEqual(page.problems, [])
        titles = [chart["title"] for chart in page.value(CHARTS)]
        self.assertNotIn("Gap to rotary by step", titles)
        self.assertEqual(len(titles), 10)
        topics = page.value("[...document.querySelectorAll('.findings dt')].map(topic => topic.textContent)")
        self.assertEqual(topics, ["One seed", "Limits", "One seed"])
        self.assertNotIn("±", page.value("document.body.textContent"))

    def test_inspect_pages(self):
        for model_type, keys in CONFIGS.items():
            config = os.path.join(self.folder.name, model_type + ".json")
            out = os.path.join(self.folder.name, model_type + ".html")
            with open(config, "w", encoding="utf-8") as file:
                json.dump({"model_type": model_type, **keys}, file)
            report = json.loads(subprocess.run([PROGRAM, "inspect", config, "--json", "--out", out], check=True,
                                               capture_output=True).stdout)
            want = []  # of each group that rotates: its turns on each axis by pair
            for group in report["layers"]:
                if group["query"]:
                    want.append([[[pair, 2 * math.pi / w[axis]] for pair, w in enumerate(group["query"]["frequency"])
                                  if w[axis] != 0] for axis in range(group["query"]["axes"])])
            for width, dark in ((1280, False), (1280, True), (390, False), (390, True)):
                with self.subTest(model_type, width=width, dark=dark):
                    page = self.browser.open(out, width=width, dark=dark)
                    page.value("document.querySelectorAll('details').forEach(each => { each.open = true; })")
                    self.assertEqual(page.problems, [])
                    self.assertLessEqual(page.value("document.documentElement.scrollWidth"), width)
                    self.assertEqual(page.value("document.querySelectorAll('h2').length"),
                                     len(report["layers"]) + (len({group["part"] for group in report["layers"]})
                                                              < len(report["layers"])))
                    charts = [chart for chart in page.value(CHARTS) if chart["title"] == "How far apart a full turn is"]
                    self.assertEqual(len(charts), len(want))
                    for chart, axes in zip(charts, want):
                        self.assertGreater(chart["drawn"], 0.01)
                        compared = ("without the rule", "trained on")
                        lines = [line["points"] for line in chart["lines"] if not line["name"].startswith(compared)]
                        turning = [turns for turns in axes if turns]
                        self.assertEqual(len(lines), len(turning))
                        for points, line in zip(reversed(lines), turning):
                            self.assertEqual([x for x, _ in points], [x for x, _ in line])
                            for (_, got), (_, exact) in zip(points, line):
                                self.assertAlmostEqual(got / exact, 1, delta=1e-5)
            self.assertEqual("rope_scaling" in keys and "factor" in keys["rope_scaling"],
                             any(line["name"] == "without the rule" for chart in page.value(CHARTS)
                                 for line in chart["lines"]))

    def doctor_page(self, story, *options):
        stories = os.path.join(os.path.dirname(os.path.abspath(__file__)), "doctor", "stories")
        out = os.path.join(self.folder.name, f"doctor-{story}.html")
        run = subprocess.run([PROGRAM, "doctor", f"{story}.safetensors", *options, "--json", "--out", out], cwd=stories,
                             capture_output=True, text=True)
        self.assertIn(run.returncode, (0, 4), run.stderr)
        return out, json.loads(run.stdout)

    def test_doctor_pages(self):
        for story, options in (("lost_theta", ()), ("indexer_layout", ("--part", "indexer")), ("unwritten_rows", ())):
            out, answer = self.doctor_page(story, "--config", f"{story}.json", *options)
            for width, dark in ((1280, False), (1280, True), (390, False), (390, True)):
                with self.subTest(story, width=width, dark=dark):
                    page = self.browser.open(out, width=width, dark=dark)
                    self.assertEqual(page.problems, [])
                    self.assertEqual(page.value("document.title"), answer["verdict"])
                    self.assertEqual(page.value("document.querySelector('h1').textContent"), answer["verdict"])
                    self.assertLessEqual(page.value("document.documentElement.scrollWidth"), width)
                    self.assertEqual(page.value("document.querySelectorAll('canvas[id^=angles]').length"), 2)
                    # One row that is right, and hatched ones.
                    colours = 1 if story == "unwritten_rows" else 10
                    for number in (1, 2):
                        self.assertGreater(self.colours_of(page, number), colours)
                    codes = page.value("[...document.querySelectorAll('.findings dt')].map(code => code.textContent)")
                    self.assertEqual(set(codes), {finding["code"] for finding in answer["findings"]})

    def colours_of(self, page, number):
        """How many a map has, its frame, ticks and legend aside."""
        return page.value(f"""(() => {{
          const canvas = document.getElementById('angles-{number}');
          const copy = Object.assign(document.createElement('canvas'), {{width: canvas.width, height: canvas.height}})
              .getContext('2d', {{willReadFrequently: true}});
          copy.drawImage(canvas, 0, 0);
          const [left, top] = [0.3 * canvas.width, 0.1 * canvas.height].map(Math.round);
          const pixels = copy.getImageData(left, top, Math.round(0.4 * canvas.width), Math.round(0.5 * canvas.height)).data;
          return new Set(Array.from({{length: pixels.length / 4}}, (_, i) => pixels.slice(4 * i, 4 * i + 4).join())).size;
        }})()""")

    def test_doctor_maps_say_their_numbers(self):
        out, answer = self.doctor_page("lost_theta", "--config", "lost_theta.json")
        self.assertEqual(answer["theta"], 10000)
        asked = json.loads(subprocess.run(
            [PROGRAM, "inspect", "lost_theta.json", "--json"], check=True, capture_output=True,
            cwd=os.path.join(os.path.dirname(os.path.abspath(__file__)), "doctor", "stories")).stdout)
        asked = [w[0] for w in asked["layers"][0]["query"]["frequency"]]
        page = self.browser.open(out)
        for number, differs in ((1, True), (2, False)):
            read = set()
            box = page.value(f"(() => {{ const b = document.getElementById('angles-{number}').getBoundingClientRect();"
                             " return [b.x, b.y, b.width, b.height]; })()")
            for i in range(1, 10):
                for j in range(1, 10):
                    page.call("Input.dispatchMouseEvent", type="mouseMoved", x=box[0] + box[2] * i / 10,
                              y=box[1] + box[3] * j / 14)
                    text = page.value(f"document.getElementById('angles-{number}-reading').textContent")
                    found = re.fullmatch(r"pair (\d+) \(channels (\d+) and (\d+)\), token (\d+) at position (\d+): "
                                         r"(off|turned) by (\S+) radians", text)
                    if not found:
                        self.assertEqual(text, "Point at a cell to read its angle.")
                        continue
                    pair, first, second, token, position = map(int, found.groups()[:5])
                    self.assertEqual((first, second, token), (pair, pair + 32, position))
                    angle = position * (1e4 ** (-pair / 32) - differs * asked[pair])
                    off = float(found.group(7).replace(MINUS, "-")) - angle
                    self.assertLess(abs(math.remainder(off, 2 * math.pi)), 2e-4, text)
                    read.add((pair, position))
            self.assertGreater(len(read), 30)

    def test_doctor_maps_are_blank_where_nothing_is_off(self):
        out, answer = self.doctor_page("lost_theta")  # without a config
        self.assertEqual(answer["findings"][0]["code"], "none-found")
        for dark in (False, True):
            page = self.browser.open(out, dark=dark)
            self.assertEqual(self.colours_of(page, 1), 1)
            self.assertGreater(self.colours_of(page, 2), 10)

    def test_a_page_that_misbehaves_is_noticed(self):
        with open(self.pages[1], encoding="utf-8") as file:
            good = file.read()
        bad_parts = {
            "exception": "<script>undefined.x</script>",
            "console": "<script>console.log('hello')</script>",
            "log": "<img src='https://example.invalid/picture.png'>",  # the page's own policy refuses it
        }
        for kind, part in bad_parts.items():
            path = os.path.join(self.folder.name, kind + ".html")
            with open(path, "w", encoding="utf-8") as file:
                file.write(good.replace("</body>", part + "</body>"))
            problems = self.browser.open(path).problems
            self.assertTrue(any(problem.startswith(kind) for problem in problems), (kind, problems))


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=1)
