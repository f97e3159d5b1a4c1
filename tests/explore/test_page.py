"""The page in a browser without a window: painted by mouse, finger and keys, on a phone and on a desk.

Needs a Chromium: `apt-get install chromium`, or `playwright install --with-deps chromium`; skipped where there is none.
"""

import os
import re
import shutil
import threading
from contextlib import contextmanager
from dataclasses import replace

import jax
import pytest
import uvicorn
from explore import models

import tnsim
from tnsim.bounds import min_cut
from tnsim.explore import server
from tnsim.explore.explored import Explored

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is missing: pip install -e '.[dev]'")

pytestmark = pytest.mark.slow
SIZES = {"phone": (360, 740), "desk": (1280, 900)}
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
WAIT = 60_000  # milliseconds
LARGE = tnsim.ConvAC((16, 16), 2, (3, 2, 3, 2), (2,) * 4, 2)  # drawn level by level
CHAIN = tnsim.ConvAC(8, 2, (2, 3, 2), (2,) * 3, 2)


def chromium(playwright):
    """A browser that is installed, by the system or by playwright; None where there is none."""
    own = playwright.chromium.executable_path
    return next((path for path in map(shutil.which, NAMES) if path), own if os.path.exists(own) else None)


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        path = chromium(playwright)
        if path is None:
            pytest.skip("no Chromium: apt-get install chromium, or `playwright install chromium`")
        root = hasattr(os, "geteuid") and os.geteuid() == 0
        made = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"] if root else [])
        yield made
        made.close()


@contextmanager
def served(explored):
    """The real server, in a thread; its address."""
    bound = server._bound(0)
    port = bound.getsockname()[1]
    explorer = server.Explorer(explored)
    config = uvicorn.Config(server.app_of(explorer, port), log_config=None, ws="none", lifespan="off")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=running.run, kwargs={"sockets": [bound]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        explorer.close()
        running.should_exit = True
        thread.join(60)
        assert explorer.ended(WAIT / 1000)


@pytest.fixture(scope="module")
def tiny():
    with served(models.explored()) as url:
        yield url


def other(arch):
    params = arch.init(jax.random.key(0))
    grams = {"coefficient": None}
    return Explored("other", arch, params, grams, ("0", "1"), models.Examples(note="the model file notes no data set"))


@contextmanager
def opened(browser, url, size, **options):
    """A page of a size, whose console must stay empty, and which must never be wider than its window."""
    width, height = SIZES[size]
    context = browser.new_context(viewport={"width": width, "height": height}, **options)
    page, said = context.new_page(), []
    page.set_default_timeout(WAIT)
    page.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(url)
    page.wait_for_selector("body[data-ready]")
    yield page
    assert page.evaluate("() => document.documentElement.scrollWidth") <= width
    assert said == []
    context.close()


def expect(page, selector):
    return sync_api.expect(page.locator(selector))


def mask_of(page):
    cells = page.locator("[role=gridcell]").all()
    return [cell.get_attribute("aria-selected") == "true" for cell in cells]


def middle(page, site):
    box = page.locator("[role=gridcell]").nth(site).bounding_box()
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(page, *sites):
    """Press at the first site, move through the others, lift at the last."""
    page.locator("#grid").scroll_into_view_if_needed()
    page.mouse.move(*middle(page, sites[0]))
    page.mouse.down()
    for site in sites[1:]:
        page.mouse.move(*middle(page, site))
    page.mouse.up()


def nats(value):
    return f"{value:.4f}\u00a0nats"


def settled(page, mask, label=0, measure="function"):
    """Wait until all three figures are there, and compare them with the library's and the oracle's."""
    expect(page, "#bound").to_have_text(nats(min_cut(models.ARCH, mask).log), timeout=WAIT)
    expect(page, "#renyi").to_have_text(nats(models.entropy(mask, label, measure, 2)), timeout=WAIT)
    expect(page, "#entropy").to_have_text(nats(models.entropy(mask, label, measure)), timeout=WAIT)


@pytest.mark.parametrize("size", SIZES)
def test_what_is_painted_by_mouse_is_measured(browser, tiny, size):
    with opened(browser, tiny, size) as page:
        settled(page, [True, True, False, False] * 2)
        page.click("#clear")
        expect(page, "#bound").to_have_text("–")
        expect(page, "#counted").to_contain_text("at least one site on each side")
        drag(page, 0, 2, 6)  # from column 0 to column 2 at once: column 1 is not left out
        wanted = [site in (0, 1, 2, 6) for site in range(8)]
        assert mask_of(page) == wanted
        settled(page, wanted)
        page.check("#brush-b", force=True)
        drag(page, 1, 2)
        wanted = [site in (0, 6) for site in range(8)]
        assert mask_of(page) == wanted
        page.select_option("#label", "2")
        page.select_option("#measure", "coefficient")
        settled(page, wanted, 2, "coefficient")
        expect(page, "#said").to_contain_text(re.compile(r"Bound .* Rényi-2 .* entropy"))
        expect(page, "#share").to_contain_text("%")


@pytest.mark.parametrize("size", SIZES)
def test_what_is_painted_by_keys_is_measured(browser, tiny, size):
    with opened(browser, tiny, size) as page:
        page.click("#swap")
        assert mask_of(page) == [False, False, True, True] * 2
        assert page.locator('[role=gridcell][tabindex="0"]').count() == 1
        page.focus('[role=gridcell][tabindex="0"]')
        for key in ("ArrowUp", "ArrowLeft", "Space", "ArrowDown", "End", "Enter", "Home", "ArrowRight", "Space"):
            page.keyboard.press(key)
        wanted = [site in (0, 2, 3, 5, 6) for site in range(8)]
        assert mask_of(page) == wanted
        assert page.evaluate("() => document.activeElement.getAttribute('aria-label')") == "row 2, column 2"
        assert page.locator('[role=gridcell][tabindex="0"]').count() == 1
        settled(page, wanted)


def test_what_is_painted_by_finger_is_measured(browser, tiny):
    with opened(browser, tiny, "phone", has_touch=True) as page:
        page.locator("#grid").scroll_into_view_if_needed()
        page.touchscreen.tap(*middle(page, 7))
        wanted = [site in (0, 1, 4, 5, 7) for site in range(8)]
        settled(page, wanted)
        assert mask_of(page) == wanted


@pytest.mark.parametrize("size", SIZES)
def test_other_widths_move_the_bound_beside_the_models(browser, tiny, size):
    mask = [True, True, False, False] * 2
    other_widths = replace(models.ARCH, channels=(4, 2))
    with opened(browser, tiny, size) as page:
        settled(page, mask)
        box = page.locator("#widths input[type=number]").first  # the top level
        box.fill("2")
        moved = min_cut(other_widths, mask).log
        expect(page, "#bound-how").to_contain_text(f"with these widths {moved:.4f}")
        expect(page, "#bound").to_have_text(nats(min_cut(models.ARCH, mask).log))
        expect(page, "#widths tbody tr:first-child").to_contain_text(f"1 of 1{moved:.3f}")
        box.fill("9999")  # no width: the last one stays
        box.blur()
        assert box.input_value() == "2"
        page.locator("#widths input[type=range]").first.press("ArrowRight")
        assert box.input_value() == "3"
        page.click("#reset")
        assert box.input_value() == "5"
        expect(page, "#bound-how").not_to_contain_text("these widths")
        settled(page, mask)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("arch", [LARGE, CHAIN], ids=["levels", "chain"])
def test_large_networks_are_strips_and_chains_a_row(browser, arch, size):
    with served(other(arch)) as url, opened(browser, url, size) as page:
        for name in ("checkerboard", "window:1:1"):
            page.select_option("#named", name)
            cut = min_cut(arch, name)
            expect(page, "#bound").to_have_text(nats(cut.log))
            severed = page.locator("#network .node.cut")
            sync_api.expect(severed.first).to_be_attached()
            if arch is CHAIN:
                assert severed.count() == len(cut.edges)
            else:
                many = [int(text.split()[0]) for text in page.locator("#network .tick.cut").all_text_contents()]
                assert many == [count for _, count in sorted(cut.levels.items(), reverse=True)]
        assert page.locator("[role=row]").count() == (1 if arch is CHAIN else 16)
        expect(page, "#example-note").to_contain_text("No example images: the model file notes no data set")


def test_the_page_is_dark_where_the_system_is(browser, tiny):
    found = []
    for scheme in ("light", "dark"):
        with opened(browser, tiny, "phone", color_scheme=scheme) as page:
            found.append(page.evaluate("() => getComputedStyle(document.body).backgroundColor"))
    assert found == ["rgb(255, 255, 255)", "rgb(20, 23, 28)"]


def test_every_control_has_a_name(browser, tiny):
    with opened(browser, tiny, "desk") as page:
        for control in page.locator("input, select, button").all():
            named = "(one) => (one.labels?.[0]?.textContent || one.ariaLabel || one.textContent).trim()"
            assert control.evaluate(named)
        assert page.locator("#network svg").get_attribute("aria-label").startswith("Network, sites below")
