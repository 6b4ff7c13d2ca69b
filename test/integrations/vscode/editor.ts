// A real VS Code, as code-server has it: its extension host, its palette and views in a browser. In: where it is installed, a folder of its own and
// the package of the extension. Out: what a person does and sees there.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';

const chromiumPath = '/usr/bin/chromium';
const startMs = 120_000;
/** What a person waits for after a click. */
const stepMs = 20_000;
const settings = {
  'security.workspace.trust.enabled': false,
  'workbench.startupEditor': 'none',
  'telemetry.telemetryLevel': 'off',
  'extensions.autoUpdate': false,
  'workbench.colorTheme': 'Default Dark Modern',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
};

export class Editor {
  readonly #page: Page;
  readonly #end: () => Promise<void>;

  private constructor(page: Page, end: () => Promise<void>) {
    this.#page = page;
    this.#end = end;
  }

  static async open(program: string, folder: string, extension: string, port: number): Promise<Editor> {
    const user = join(folder, 'user');
    mkdirSync(join(user, 'User'), { recursive: true });
    writeFileSync(join(user, 'User/settings.json'), JSON.stringify(settings));
    writeFileSync(join(folder, 'config.yaml'), '');
    const places = ['--extensions-dir', join(folder, 'extensions'), '--user-data-dir', user];
    const args = [
      program,
      ...places,
      '--config',
      join(folder, 'config.yaml'),
      '--disable-telemetry',
      '--disable-update-check',
    ];
    execFileSync(process.execPath, [...args, '--install-extension', extension], { stdio: 'ignore' });
    const child = spawn(process.execPath, [...args, '--auth', 'none', '--bind-addr', `127.0.0.1:${port}`], {
      stdio: 'ignore',
    });
    let browser: Browser | null = null;
    const end = async () => {
      await browser?.close();
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    };
    try {
      const deadline = Date.now() + startMs;
      const url = `http://127.0.0.1:${port}/`;
      while ((await fetch(`${url}healthz`).catch(() => null)) === null) {
        if (Date.now() > deadline) throw new Error('code-server does not answer');
        await new Promise((resolve) => setTimeout(resolve, 250));
      }
      browser = await chromium.launch({ executablePath: chromiumPath, args: ['--no-sandbox', '--disable-gpu'] });
      const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme: 'dark' });
      await page.goto(url, { timeout: startMs });
      await page.locator('.activitybar a[aria-label="BlackRoad Fleet"]').waitFor({ timeout: startMs });
      page.setDefaultTimeout(stepMs);
      return new Editor(page, end);
    } catch (error) {
      await end();
      throw error;
    }
  }
  close(): Promise<void> {
    return this.#end();
  }

  async openView(): Promise<void> {
    const icon = this.#page.locator('.activitybar li', { has: this.#page.locator('a[aria-label="BlackRoad Fleet"]') });
    if ((await icon.getAttribute('aria-selected')) !== 'true') await icon.click();
  }
  /** The rows of the view, each in a line. */
  async tree(): Promise<string> {
    const rows = await this.#page.locator('.sidebar .monaco-list-row').allInnerTexts();
    return rows.map((row) => row.replaceAll(/\s+/g, ' ').trim()).join('\n');
  }
  async press(button: string): Promise<void> {
    await this.#page.locator('.sidebar .monaco-button', { hasText: button }).click();
  }
  /** A command by its name in the palette. */
  async command(name: string): Promise<void> {
    // What was answered last goes away first.
    await this.#box.waitFor({ state: 'hidden' });
    await this.#page.keyboard.press('F1');
    await this.choose('', `>${name}`, name);
  }
  /** What is typed where something is asked for. `asks`: words of it, so that it is not typed into the question before. */
  async type(asks: string, text: string): Promise<void> {
    await this.#box.filter({ hasText: asks }).waitFor();
    await this.#input.fill(text);
    await this.#page.keyboard.press('Enter');
  }
  /** A row of a list; `filter` is typed to find it. */
  async choose(title: string, filter: string, row: string): Promise<void> {
    await this.#box.filter({ hasText: title }).waitFor();
    await this.#input.fill(filter);
    await this.#box.locator('.monaco-list-row', { hasText: row }).first().waitFor();
    await this.#page.keyboard.press('Enter');
  }
  /** A file, by its path: it is typed when the folder that the dialog opens with has been read. */
  async file(path: string): Promise<void> {
    await this.#box.filter({ hasText: 'OK' }).locator('.monaco-list-row', { hasText: '..' }).first().waitFor();
    await this.choose('OK', path, basename(path));
  }
  get #box() {
    return this.#page.locator('.quick-input-widget');
  }
  get #input() {
    return this.#box.locator('input[type="text"], input[type="password"]').first();
  }
  async messages(): Promise<string> {
    return (await this.#page.locator('.notification-list-item-message').allInnerTexts()).join('\n');
  }
  /** Also those that have gone by themselves: the editor keeps them until a person clears them. */
  async showMessages(): Promise<void> {
    await this.command('Notifications: Show Notifications');
  }
  async pressInMessage(button: string): Promise<void> {
    await this.#page.locator('.notifications-toasts .monaco-button', { hasText: button }).first().click();
  }
  async forgetMessages(): Promise<void> {
    await this.command('Notifications: Clear All Notifications');
  }
  /** The lines of the output that are drawn. */
  async output(): Promise<string> {
    const lines = await this.#page.locator('.panel .view-line').allInnerTexts();
    return lines.join('\n').replaceAll('\u00a0', ' ');
  }
  /** What is written from now on is alone there. */
  async clearOutput(): Promise<void> {
    await this.command('View: Clear Output');
  }
  async picture(path: string): Promise<void> {
    // What was chosen last fades away.
    await this.#page.waitForTimeout(1_000);
    await this.#page.screenshot({ path });
  }
}
