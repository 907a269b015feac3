// Browsers start no worker for a page that was opened from disk, and the search runs in one: there its script runs in a hidden frame.
(() => {
  if (location.protocol !== "file:") return;

  class FrameWorker extends EventTarget {
    constructor(script) {
      super();
      this.waiting = [];
      const frame = document.createElement("iframe");
      frame.hidden = true;
      frame.addEventListener("load", () => this.begin(frame.contentWindow, new URL(script, document.baseURI).href), {once: true});
      document.body.appendChild(frame);
    }

    // What the script posts comes out here; what was posted to it before it was read goes in now.
    begin(frame, address) {
      frame.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", {data}));
      const element = frame.document.createElement("script");
      element.src = address;
      element.addEventListener("load", () => {
        this.frame = frame;
        this.waiting.splice(0).forEach((data) => this.postMessage(data));
      });
      element.addEventListener("error", () => this.dispatchEvent(new Event("error")));
      frame.document.head.appendChild(element);
    }

    postMessage(data) {
      if (this.frame) this.frame.dispatchEvent(new MessageEvent("message", {data}));
      else this.waiting.push(data);
    }
  }

  window.Worker = FrameWorker;
})();
