import { describe, expect, test } from "vitest";

import { followPlatform } from "./follow-platform.ts";
import { INITIAL_STATE, type ConnectionState } from "./reconnect.ts";

/** A keeper in a phase, which writes down what is asked of it. */
function keeperIn(phase: ConnectionState) {
  const asked: string[] = [];
  const keeper = {
    state: { ...INITIAL_STATE, phase },
    pause() {
      asked.push("pause");
      keeper.state.phase = "paused";
    },
    resume: () => void asked.push("resume"),
    lose: (error: { code: string }) => void asked.push(`lose: ${error.code}`),
  };
  return { keeper, asked };
}

describe("followPlatform()", () => {
  test("leaves an open stream alone when the program is hidden, and for as long as the platform does", () => {
    const { keeper, asked } = keeperIn("open");
    const follower = followPlatform(keeper, "keep");
    follower.onHide();
    follower.onShow(false);
    expect(asked).toEqual(["resume"]);
  });

  test("takes an open stream for dead when the platform has killed it meanwhile, and returns at once", () => {
    const { keeper, asked } = keeperIn("open");
    const follower = followPlatform(keeper, "keep");
    follower.onHide();
    follower.onShow(true);
    expect(asked).toEqual(["lose: interrupted", "resume"]);
  });

  test("cuts an open stream as soon as the program is hidden, where it was asked to", () => {
    const { keeper, asked } = keeperIn("open");
    const follower = followPlatform(keeper, "pause");
    follower.onHide();
    expect(asked).toEqual(["pause"]);
    follower.onShow(false);
    expect(asked).toEqual(["pause", "resume"]);
  });

  test("does not wait for an attempt that a hidden program could not make", () => {
    const { keeper, asked } = keeperIn("waiting");
    followPlatform(keeper, "keep").onHide();
    expect(asked).toEqual(["pause"]);
  });

  test("pauses when an attempt fails while the program is hidden", () => {
    const { keeper, asked } = keeperIn("open");
    const follower = followPlatform(keeper, "keep");
    follower.onHide();
    keeper.state.phase = "waiting";
    follower.onWaiting();
    expect(asked).toEqual(["pause"]);
  });

  test("waits as ever when an attempt fails on the screen", () => {
    const { keeper, asked } = keeperIn("waiting");
    followPlatform(keeper, "keep").onWaiting();
    expect(asked).toEqual([]);
  });

  test("pauses without the network and returns with it", () => {
    const { keeper, asked } = keeperIn("open");
    const follower = followPlatform(keeper, "keep");
    follower.onNetwork(false);
    expect(asked).toEqual(["pause"]);
    follower.onNetwork(true);
    expect(asked).toEqual(["pause", "pause", "resume"]);
  });

  test("leaves what was open over the network before when there is another one", () => {
    const { keeper, asked } = keeperIn("open");
    followPlatform(keeper, "keep").onNetwork(true);
    expect(asked).toEqual(["pause", "resume"]);
  });

  test("returns neither hidden with a network nor shown without one", () => {
    const { keeper, asked } = keeperIn("open");
    const follower = followPlatform(keeper, "pause");
    follower.onHide();
    follower.onNetwork(false);
    follower.onNetwork(true);
    expect(asked).not.toContain("resume");
    follower.onNetwork(false);
    follower.onShow(false);
    expect(asked).not.toContain("resume");
    follower.onNetwork(true);
    expect(asked).toContain("resume");
  });
});
