from tl_keras.cli import main

main()
