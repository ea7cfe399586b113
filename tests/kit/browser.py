# SPDX-License-Identifier: BSD-3-Clause
"""A headless Chromium for tests, by chromedriver and the W3C WebDriver protocol: a small client over urllib."""
import base64
import json
import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request

from gateway import SkipTest, wait_for

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
BACKSPACE, TAB, ENTER, SHIFT, CONTROL, ESCAPE, RIGHT = "\ue003", "\ue004", "\ue007", "\ue008", "\ue009", "\ue00c", "\ue014"


class Refused(Exception):
    """What chromedriver says to a command; `word` is WebDriver's error code."""

    def __init__(self, word, message):
        super().__init__(f"{word}: {message.splitlines()[0]}")
        self.word = word


class Browser:
    """`with Browser() as b`: one window of `width` x `height`; `dark`: what the system prefers."""

    def __init__(self, width=1440, height=900, dark=False):
        for program in ("chromium", "chromedriver"):
            if not shutil.which(program):
                raise SkipTest(f"no {program} (package {'chromium' if program == 'chromium' else 'chromium-driver'})")
        self.folder = tempfile.mkdtemp(prefix="weir-browser-")
        self.log = open(os.path.join(self.folder, "log"), "wb")
        self.driver = subprocess.Popen(["chromedriver", "--port=0"], stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT,
                                       env={**os.environ, "HOME": self.folder, "TMPDIR": self.folder}, start_new_session=True)
        self.base = None
        try:
            self.base = wait_for("chromedriver", self.find_port)
            self.start(width, height)
            self.prefer(dark)
        except Exception:
            self.close()
            raise

    def find_port(self):
        with open(self.log.name, encoding="utf-8", errors="replace") as file:
            text = file.read()
        at = text.find("started successfully on port ")
        return at >= 0 and f"http://127.0.0.1:{text[at:].split()[4].rstrip('.')}/session"

    def start(self, width, height):
        arguments = ["--headless=new", "--disable-gpu", "--no-first-run", "--disable-extensions", "--disable-background-networking",
                     "--disable-dev-shm-usage", "--force-device-scale-factor=1", "--hide-scrollbars", f"--window-size={width},{height}",
                     f"--user-data-dir={self.folder}/profile"]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")
        options = {"args": arguments, "binary": shutil.which("chromium")}
        self.session = self.call("POST", "", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}, "unhandledPromptBehavior": "ignore"}}})
        self.base += f"/{self.session['sessionId']}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.base and self.base.count("/") > 3:
            try:
                self.call("DELETE", "")
            except Exception:  # it ends with its driver then
                pass
        self.driver.terminate()
        try:
            self.driver.wait(10)
        except subprocess.TimeoutExpired:
            self.driver.kill()
            self.driver.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def call(self, method, path, body=None):
        data = json.dumps(body if body is not None else {}).encode() if method == "POST" else None
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=60) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            value = json.load(error)["value"]
            raise Refused(value["error"], value["message"]) from None

    def cdp(self, command, **parameters):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def prefer(self, dark):
        """What the system prefers: dark or light."""
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def resize(self, width, height):
        """The size of the page, whatever the window is."""
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def script(self, text, *arguments):
        return self.call("POST", "/execute/sync", {"script": text, "args": list(arguments)})

    def text(self, selector):
        """What one sees of an element; None where it is not there or hidden."""
        return self.script("const e = document.querySelector(arguments[0]); return e && e.checkVisibility() ? e.innerText : null", selector)

    def see(self, selector, *words):
        """Waits until the element can be seen, with all the words in it; its text."""
        def look():
            text = self.text(selector)
            return text is not None and all(word in text for word in words) and (text or " ")
        try:
            return wait_for(f"{selector} with {words}", look)
        except AssertionError as error:
            raise AssertionError(f"{error}; it says {self.text(selector)!r}; console: {self.console()}") from None

    def keys(self, *keys):
        """Presses keys where the focus is; a string is typed, a tuple is pressed together."""
        actions = []
        for key in keys:
            if isinstance(key, tuple):
                actions += [{"type": "keyDown", "value": k} for k in key] + [{"type": "keyUp", "value": k} for k in reversed(key)]
            else:
                actions += [{"type": kind, "value": k} for k in key for kind in ("keyDown", "keyUp")]
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def prompt(self):
        """What the page asks in a dialogue of the browser's; None where it does not."""
        try:
            return self.call("GET", "/alert/text")
        except Refused as refused:
            if refused.word != "no such alert":
                raise
            return None

    def answer_prompt(self, yes):
        self.call("POST", "/alert/accept" if yes else "/alert/dismiss")

    def focused(self):
        return self.script("return document.activeElement.id || document.activeElement.tagName")

    def console(self):
        """What the page complained of since it was asked last: refusals of the policy, errors of scripts."""
        return [entry["message"] for entry in self.call("POST", "/se/log", {"type": "browser"}) if entry["level"] in ("SEVERE", "WARNING")]

    def screenshot(self, path):
        with open(path, "wb") as out:
            out.write(base64.b64decode(self.call("GET", "/screenshot")))
