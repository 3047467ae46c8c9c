/* The microphone widget. Its other sources are joined in front of this file. */

/** anywidget calls this once for each widget of the page. */
export default () => {
  let recorder;
  const focus = new FocusMemory(); // of all views
  return {
    initialize({ model }) {
      useConstants(model.get("settings").constants);
      recorder = new Recorder(model);
      return () => recorder.dispose();
    },
    render({ el }) {
      const view = new MicrophoneView(recorder, el, focus);
      recorder.attach(view);
      return () => {
        focus.leave(el);
        recorder.detach(view);
        view.close();
      };
    },
  };
};
