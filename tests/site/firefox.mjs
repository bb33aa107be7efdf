// A visit of the start page in Firefox, driven by WebDriver BiDi: node firefox.mjs ADDRESS BROWSER TEXT
// prints what the page showed, as JSON.
import puppeteer from "puppeteer-core";

const [address, executablePath, text] = process.argv.slice(2);
const browser = await puppeteer.launch({ browser: "firefox", executablePath, headless: true });
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(300_000);
  await page.setViewport({ width: 360, height: 740 });
  const complaints = [];
  page.on("console", (one) => ["error", "warn"].includes(one.type()) && complaints.push(one.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  await page.goto(`${address}#race?level=3&steps=U6C4U2`);
  const shown = (selector) => page.$eval(selector, (element) => element.textContent);
  const race = await page.$eval("#race .board .page", (element) => element.dataset.page);
  const answeredBefore = await shown("#ask-answer");
  await page.waitForFunction(() => document.querySelector("#python").textContent.includes("live"));
  await page.$eval("#ask-paste", (box, pasted) => {
    box.value = pasted;
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }, text);
  await page.waitForFunction(() => document.querySelector("#ask-answer").textContent.includes("EACCES"));
  const answer = await shown("#ask-answer");
  // Each by the page's own click: a pointer may miss, as those above it grow.
  const explorers = await page.$$eval("#explorers summary", (all) => {
    for (const one of all) one.click();
    return all.length;
  });
  await page.waitForFunction(
    (count) => document.querySelectorAll(".explorer.live").length === count, {}, explorers,
  );
  const width = await page.evaluate(() => document.documentElement.scrollWidth);
  const heard = [...complaints]; // before a worker such as the page's tries what is forbidden
  const reached = await page.evaluate((where) => new Promise((done) => {
    const tries = `try {
      const request = new XMLHttpRequest();
      request.open("GET", ${JSON.stringify(where)}, false);
      request.send();
      postMessage(request.status);
    } catch (error) { postMessage(error.name); }`;
    const worker = new Worker(URL.createObjectURL(new Blob([tries])));
    worker.onmessage = ({ data }) => done(data);
  }), `${address}style.css`);
  const told = {
    race, answeredBefore, answer, explorers, width, complaints: heard, reached,
  };
  console.log(JSON.stringify(told));
} finally {
  await browser.close();
}
